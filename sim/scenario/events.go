package scenario

import (
	"cmp"
	"slices"

	"github.com/kithnet/kith/sim"
)

// do lets an event happen.
func (r *runner) do(e Event) error {
	switch e.Do {
	case doLeave:
		for _, h := range r.chosen(e) {
			if h.Up() {
				r.w.Stop(h)
				r.left = append(r.left, h)
			}
		}
	case doReturn:
		for _, h := range r.left {
			r.w.Start(h)
		}
		r.left = nil
	case doPart:
		apart := make(map[*sim.Host]bool)
		for _, h := range r.chosen(e) {
			apart[h] = true
		}
		r.w.Part(func(h *sim.Host) uint8 {
			if apart[h] {
				return 1
			}
			return 0
		})
	case doHeal:
		r.w.Heal()
	case doRestart:
		r.restart(e.At)
	case doCrowd:
		first := r.s.Bootnodes
		for _, a := range r.coming {
			first = max(first, a.first+a.n)
		}
		r.coming = append(r.coming, arrivals{from: e.At, over: e.Over, first: first, n: e.number(r.s.Nodes)})
	}
	return nil
}

// chosen returns the nodes that an event is about, of all but the bootnodes: those of a
// region, or as many as it says, drawn from the seed.
func (r *runner) chosen(e Event) []*sim.Host {
	hosts := r.w.Hosts()
	list := slices.DeleteFunc(slices.Clone(hosts[r.s.Bootnodes:]), func(h *sim.Host) bool { return !honest(h) })
	if e.Region != "" {
		region := slices.Index(r.s.Regions.Names, e.Region)
		return slices.DeleteFunc(list, func(h *sim.Host) bool { return h.Spec().Region != region })
	}
	r.sides++
	slices.SortFunc(list, func(a, b *sim.Host) int {
		return cmp.Compare(r.plan.draw(a.Index(), drawSide+r.sides), r.plan.draw(b.Index(), drawSide+r.sides))
	})
	return list[:min(e.number(len(hosts)), len(list))]
}
