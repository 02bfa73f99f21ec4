package main

import (
	"fmt"
	"time"

	"github.com/kithnet/kith/interop/internal/control"
)

// setDown is how long a mesh stands before its goroutines are counted: those that
// have set it up are gone by then.
const setDown = time.Second

// compareMeshes measures Servers in one process that each connect to every other.
func compareMeshes(o options, sides []side) ([]row, error) {
	prefix := fmt.Sprintf("%d Servers, each connected to each: ", o.mesh)
	rows := []row{
		{Work: prefix + "CPU a connection, both ends", Unit: milliseconds},
		{Work: prefix + "goroutines a peer, one protocol", Unit: count},
	}
	return rows, takeTurns(o.reps, sides, func(s side) error { return meshOnce(o, s, rows) })
}

// meshOnce counts from when all Servers run without peers: neither their start nor
// the goroutines that each has by itself. Each pair is dialed from one side.
func meshOnce(o options, s side, rows []row) error {
	child, err := s.serve("mesh")
	if err != nil {
		return err
	}
	defer child.Close()
	empty, err := child.Usage()
	if err != nil {
		return err
	}
	if _, err := child.StartServers(o.mesh, o.mesh, false); err != nil {
		return err
	}
	before, err := child.Usage()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := child.Mesh(); err != nil {
		return err
	}
	if err := awaitAll(child, o.mesh-1, o.limit); err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := child.Usage()
	if err != nil {
		return err
	}
	time.Sleep(setDown)
	stands, err := child.Usage()
	if err != nil {
		return err
	}
	connections := float64(o.mesh * (o.mesh - 1) / 2)
	rows[0].add(s, float64(after.Sub(before).CPU)/1e6/connections)
	rows[1].add(s, float64(stands.Sub(before).Goroutines)/(2*connections))
	rows[0].Remarks[s.index] = fmt.Sprintf("%.0f connections in %.1f s", connections, took.Seconds())
	rows[1].Remarks[s.index] = fmt.Sprintf("%.1f with the %.0f that a Server has without peers",
		float64(stands.Sub(empty).Goroutines)/(2*connections), float64(before.Sub(empty).Goroutines)/float64(o.mesh))
	return nil
}

// awaitAll waits until every Server has count peers. It is an error if one has not
// within limit.
func awaitAll(child *control.Child, count int, limit time.Duration) error {
	j, err := child.AwaitPeers(count, limit)
	if err == nil && j.Missing > 0 {
		err = fmt.Errorf("%d Servers have not had %d peers within %v", j.Missing, count, limit)
	}
	return err
}
