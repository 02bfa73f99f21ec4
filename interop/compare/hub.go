package main

import (
	"fmt"
	"os"
	"time"

	"github.com/kithnet/kith/interop/internal/leaf"
)

// idle is how long the hub's peers stay before it is measured: each side has sent its
// first Ping by then, after 15 seconds, and its buffers are what they remain.
const idle = 20 * time.Second

// compareHubs measures what idle inbound peers take of a Server.
func compareHubs(o options, sides []side) ([]row, error) {
	prefix := fmt.Sprintf("Server with %d idle inbound peers, one protocol: ", o.hub)
	rows := []row{
		{Work: prefix + "heap and stack a peer after a collection", Unit: kibibytes},
		{Work: prefix + "resident memory a peer after a collection", Unit: kibibytes},
		{Work: prefix + "goroutines a peer", Unit: count},
	}
	return rows, takeTurns(o.reps, sides, func(s side) error { return hubOnce(o, s, rows) })
}

// hubOnce takes the difference of a Server with peers and the same one before them.
func hubOnce(o options, s side, rows []row) error {
	child, err := s.serve("hub")
	if err != nil {
		return err
	}
	defer child.Close()
	urls, err := child.StartServers(1, o.hub, false)
	if err != nil {
		return err
	}
	alone, err := child.Collect()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	leaves, err := leaf.StartChild(leaf.Spec{Target: urls[0], Count: o.hub}, self, leafRole)
	if err != nil {
		return err
	}
	defer leaves.Close()
	if err := awaitAll(child, o.hub, o.limit); err != nil {
		return err
	}
	time.Sleep(idle)
	with, err := child.Collect()
	if err != nil {
		return err
	}
	if err := awaitAll(child, o.hub, 0); err != nil {
		return fmt.Errorf("peers have gone: %w", err)
	}
	used, peers := with.Sub(alone), float64(o.hub)
	rows[0].add(s, float64(used.InUse)/1024/peers)
	rows[1].add(s, float64(used.Resident)/1024/peers)
	rows[2].add(s, float64(used.Goroutines)/peers)
	return nil
}
