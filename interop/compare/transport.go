package main

import "fmt"

// handshakeCount is how many handshakes are made for one sample.
const handshakeCount = 300

// frames are the sizes of messages, and how many of each make one sample.
var frames = []struct {
	size  int
	name  string
	count int
}{{64, "64 B", 40_000}, {1 << 10, "1 KiB", 30_000}, {16 << 10, "16 KiB", 5_000}, {1 << 20, "1 MiB", 150}}

// compareTransport measures RLPx, both ends in one process over TCP on loopback.
func compareTransport(o options, sides []side) ([]row, error) {
	const handshake = "RLPx encryption handshake, both ends"
	rows := []row{
		{Work: handshake + ": CPU", Unit: microseconds},
		{Work: handshake + ": allocations", Unit: count},
	}
	for _, kind := range []string{"RLPx frame", "Server message"} {
		for _, f := range frames {
			work := fmt.Sprintf("%s of %s that can't be compressed, both ends", kind, f.name)
			rows = append(rows, row{Work: work + ": CPU", Unit: microseconds}, row{Work: work + ": allocations", Unit: count})
		}
	}
	return rows, takeTurns(o.reps, sides, func(s side) error { return measureTransport(s, rows) })
}

func measureTransport(s side, rows []row) error {
	child, err := s.serve("transport")
	if err != nil {
		return err
	}
	defer child.Close()
	cost, err := child.Handshakes(handshakeCount)
	if err != nil {
		return err
	}
	rows[0].add(s, float64(cost.CPU)/1e3)
	rows[1].add(s, cost.Allocs)
	at := 2
	for _, servers := range []bool{false, true} {
		for _, f := range frames {
			cost, err := child.Messages(servers, f.size, f.count)
			if err != nil {
				return err
			}
			rows[at].add(s, float64(cost.CPU)/1e3)
			rows[at+1].add(s, cost.Allocs)
			at += 2
		}
	}
	return nil
}
