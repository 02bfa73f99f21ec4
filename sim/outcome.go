package sim

import (
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
)

// outcome is what became of a packet that arrived: 0 if it was acted on, else why not,
// a discv4.Drop or, beyond drops5, a discv5.Drop.
type outcome uint8

const (
	drops5 outcome = 1 << 6

	// foreign is that of a packet whose protocol, or whose mask, is not the host's. As
	// bytes it is dropped as whatever these happen to be.
	foreign outcome = 1 << 7
)

func (o outcome) String() string {
	switch {
	case o == 0:
		return ""
	case o == foreign:
		return "foreign"
	case o >= drops5:
		return discv5.Drop(o - drops5).String()
	}
	return discv4.Drop(o).String()
}

func of4(d discv4.Drop) outcome { return outcome(d) }

func of5(d discv5.Drop) outcome {
	if d == discv5.DropNone {
		return 0
	}
	return drops5 + outcome(d)
}
