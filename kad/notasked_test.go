package kad

import (
	"testing"

	"github.com/kithnet/kith/enode"
)

// overloaded is a Transport that has no room for a PING.
type overloaded struct {
	Transport
	refused []func(uint64, error)
}

func (o *overloaded) Ping(_ *enode.Node, done func(uint64, error)) {
	o.refused = append(o.refused, done)
}

// TestNotAskedIsNoFailure: that a PING could not even be sent says nothing about
// the node it was for.
func TestNotAskedIsNoFailure(t *testing.T) {
	for _, err := range []error{ErrNotAsked, ErrBusy} {
		w, peers := quiet(t, 6)
		_, e, _ := w.t.lookupEntry(peers[0].node.ID())
		o := &overloaded{Transport: w.t.cfg.Transport}
		w.t.cfg.Transport = o
		w.t.revalidate(e, false)
		w.t.answered(peers[1].node.ID()) // as of now, so that a failure would count
		w.t.reval.lastAnswer = w.t.stamp() + 1
		o.refused[0](0, err)
		keep := err == ErrNotAsked
		if w.isLive(peers[0].node) != keep {
			t.Errorf("after %v it is live: %v", err, !keep)
		}
		if _, e, _ := w.t.lookupEntry(peers[0].node.ID()); keep && e.is(isBusy) {
			t.Error("counts as being checked for ever")
		}
	}
}
