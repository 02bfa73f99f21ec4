package discmux

import (
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// TestClose: what is under way ends with the machines, whichever is closed first, and
// what is asked then, lookups' questions too, ends with them or at the next Advance.
func TestClose(t *testing.T) {
	for order := range 2 {
		l := newLab(t)
		for range 20 {
			l.known(kad.V4)
			l.known(kad.V5)
		}
		var asks []*result
		for _, k := range kinds {
			asks = append(asks, l.ask(k, l.unknown()), l.ask(k, l.recorded()), l.ask(k, l.known(both)))
		}
		lookups := 0
		for range 5 {
			if _, err := l.table.Lookup(l.table.RandomTarget(), kad.LookupOptions{}, func([]*enode.Node) { lookups++ }); err != nil {
				t.Fatal(err)
			}
		}
		refreshed := false
		l.table.Refresh(func() { refreshed = true })
		closer := func(s *side) func() {
			return func() {
				for len(s.waiting) > 0 {
					s.end(0, answer{}, errV4)
				}
			}
		}
		machines := []func(){closer(l.v4), closer(l.v5)}
		l.m.Close(machines[order], machines[1-order])
		for i, r := range asks {
			if r.calls != 1 || r.err == nil {
				t.Errorf("question %d: %+v", i, r)
			}
		}
		if lookups != 5 || !refreshed || len(l.v4.waiting)+len(l.v5.waiting) != 0 {
			t.Errorf("%d of 5 lookups ended, the refresh %v, %d questions wait", lookups, refreshed, len(l.v4.waiting)+len(l.v5.waiting))
		}
		asked := len(l.log)
		for _, k := range kinds {
			r := l.ask(k, l.known(both))
			want := ErrClosed
			if k == ping {
				want = kad.ErrNotAsked
			}
			if l.advance(1); r.calls != 1 || r.err != want {
				t.Errorf("after Close: %+v", r)
			}
		}
		if len(l.log) != asked {
			t.Error("a closed Mux asks")
		}
	}
}
