package main

import (
	"fmt"
	"time"

	"github.com/kithnet/kith/interop/internal/control"
)

// joinPeers is how many peers a Server of compareJoining is waited for to have: half
// of those that it has room for by default.
const joinPeers = 25

// joinTime bounds the wait for them: some never have so many, as all others are full.
const joinTime = 20 * time.Second

// compareJoining measures how long Servers take to find and connect to each other.
func compareJoining(o options, sides []side) ([]row, error) {
	prefix := fmt.Sprintf("%d Servers from one bootnode: ", o.join)
	rows := []row{
		{Work: fmt.Sprintf("%s%d peers in the median one", prefix, joinPeers), Unit: seconds},
		{Work: prefix + "CPU a Server until then", Unit: milliseconds},
	}
	reps := 2*o.reps + 1 // one run differs from the next by more than other work does
	return rows, takeTurns(reps, sides, func(s side) error { return joinOnce(o, s, rows) })
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
	j, err := child.AwaitPeers(joinPeers, min(o.limit, joinTime))
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
		return fmt.Sprintf("%d of %d not within %v in the last run", j.Missing, o.join, min(o.limit, joinTime))
	}
	return fmt.Sprintf("the slowest after %.1f s", j.Slowest.Seconds())
}
