package main

import (
	"fmt"

	"github.com/kithnet/kith/interop/internal/control"
)

// joinPeers is how many peers a Server of compareJoining is waited for to have: half
// of those that it has room for by default.
const joinPeers = 25

// compareJoining measures how long Servers take to find and connect to each other.
func compareJoining(o options, sides []side) ([]row, error) {
	prefix := fmt.Sprintf("%d Servers from one bootnode: ", o.join)
	rows := []row{
		{Work: fmt.Sprintf("%s%d peers in the median one", prefix, joinPeers), Unit: seconds},
		{Work: prefix + "CPU a Server until then", Unit: milliseconds},
	}
	for range o.reps {
		for _, s := range sides {
			if err := joinOnce(o, s, rows); err != nil {
				return rows, fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return rows, nil
}

func joinOnce(o options, s side, rows []row) error {
	child, err := s.serve("join")
	if err != nil {
		return err
	}
	defer child.Close()
	before, err := child.Usage()
	if err != nil {
		return err
	}
	if _, err := child.StartServers(o.join, 0, true); err != nil {
		return err
	}
	j, err := child.AwaitPeers(joinPeers, o.limit)
	if err != nil {
		return err
	}
	rows[0].add(s, j.Median.Seconds())
	rows[1].add(s, float64(j.CPU-before.CPU)/1e6/float64(o.join))
	rows[0].Remarks[s.index] = joinRemark(o, j)
	return nil
}

func joinRemark(o options, j control.Joined) string {
	if j.Missing > 0 {
		return fmt.Sprintf("%d not within %v", j.Missing, o.limit)
	}
	return fmt.Sprintf("the slowest after %.1f s", j.Slowest.Seconds())
}
