package sim

import (
	"fmt"
	"strings"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/peering"
)

// Defences is a set of what keeps adversaries out. A host can do without them
// ([Node].Without): an attack that works without one, and doesn't with it, shows what
// it is for.
type Defences uint8

// The defences.
const (
	Diversity       Defences = 1 << iota // kad.Diversity: nodes of one network are bounded
	Liveness                             // kad.Liveness: nobody is handed out who never answered
	EndpointProof                        // discv4.EndpointProof: no answer to who has proven nothing
	OutboundPlaces                       // peering.OutboundPlaces: places for whom it dials itself
	InboundThrottle                      // peering.InboundThrottle: one address, one try in 30 s

	AllDefences Defences = 1<<iota - 1
)

var defenceNames = [...]string{"diversity", "liveness", "endpoint-proof", "outbound-places", "inbound-throttle"}

// ParseDefences reads the names of defences as String writes them: with a comma
// between two; "all" and "none" are names, too.
func ParseDefences(s string) (d Defences, err error) {
next:
	for _, name := range strings.Split(s, ",") {
		switch name = strings.TrimSpace(name); name {
		case "all":
			d = AllDefences
			continue
		case "", "none":
			continue
		}
		for i, known := range defenceNames {
			if name == known {
				d |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("sim: there is no defence %q: there are %s", name, strings.Join(defenceNames[:], ", "))
	}
	return d, nil
}

func (d Defences) String() string {
	switch d {
	case 0:
		return "none"
	case AllDefences:
		return "all"
	}
	var names []string
	for i, name := range defenceNames {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func (d Defences) table() (t kad.Defence) {
	if d&Diversity != 0 {
		t |= kad.Diversity
	}
	if d&Liveness != 0 {
		t |= kad.Liveness
	}
	return t
}

func (d Defences) discovery() (t discv4.Defence) {
	if d&EndpointProof != 0 {
		t |= discv4.EndpointProof
	}
	return t
}

func (d Defences) peering() (t peering.Defence) {
	if d&OutboundPlaces != 0 {
		t |= peering.OutboundPlaces
	}
	if d&InboundThrottle != 0 {
		t |= peering.InboundThrottle
	}
	return t
}
