package sim

import (
	"slices"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/prefetch"
)

// window is what happens to a worker's hosts between two times that lie so near that
// nothing which one of them does reaches another. So each host's events come one after
// the other, in their order, while all that belongs to it is at hand: to fetch a host
// from memory takes longer than what most events do with it.
type window struct {
	until  int64
	events []event
	later  []int32 // the next of the same host, plus one; 0: none
	first  []int32 // by host, of this worker's: its first, plus one
	turns  []turn  // of the hosts that have events
	mine   []event // those of the host whose turn it is
	done   int     // how many of them have happened
}

// turn is a host whose turn comes.
type turn struct {
	host  int32
	first int32 // its first event, plus one
}

// sort makes the events known by host, of which there are so many, dealt to so many
// workers.
func (w *window) sort(hosts, workers int) {
	w.turns = w.turns[:0]
	w.later = slices.Grow(w.later[:0], len(w.events))[:len(w.events)]
	if own := hosts/workers + 1; len(w.first) < own {
		w.first = append(w.first, make([]int32, own-len(w.first))...)
	}
	for i := len(w.events) - 1; i >= 0; i-- {
		to := w.events[i].to
		first := &w.first[int(to)/workers]
		if *first == 0 {
			w.turns = append(w.turns, turn{host: to})
		}
		w.later[i], *first = *first, int32(i)+1
	}
	for i := range w.turns {
		t := &w.turns[i]
		first := &w.first[int(t.host)/workers]
		t.first, *first = *first, 0
	}
}

// begin makes a host's events those to come, in their order.
func (w *window) begin(t turn) {
	w.mine, w.done = w.mine[:0], 0
	for i := t.first; i != 0; i = w.later[i-1] {
		w.mine = append(w.mine, w.events[i-1])
	}
	if len(w.mine) > 1 {
		slices.SortFunc(w.mine, event.compare)
	}
}

// insert adds an event of the host whose turn it is to those to come.
func (w *window) insert(e event) {
	i := w.done
	for i < len(w.mine) && w.mine[i].before(&e) {
		i++
	}
	w.mine = slices.Insert(w.mine, i, e)
}

// How many turns before its own what a host has to say is asked for, since each thing
// says where the next is: the host, what its first packet is, and what its machine needs
// for it step by step.
const (
	hostAhead    = 16
	machineAhead = 10
	stepsApart   = 3
)

// ahead has the processor fetch what turns after the i-th need.
func (k *worker) ahead(i int) {
	w := &k.window
	if j := i + hostAhead; j < len(w.turns) {
		prefetch.Value(k.world.hosts[w.turns[j].host])
		prefetch.Value(w.packet(j))
	}
	for step := range discv4.PrefetchSteps {
		j := i + machineAhead - step*stepsApart
		if j >= len(w.turns) {
			continue
		}
		m, p := k.world.hosts[w.turns[j].host].m.V4, w.packet(j)
		if m == nil || p == nil {
			continue
		}
		var sender *enode.Node
		switch {
		case p.sender == nil:
		case step == 0:
			prefetch.Value(&p.sender.public)
		default:
			sender = p.sender.node
		}
		m.Prefetch(step, p.from, sender, &p.p)
	}
}

// packet returns the first packet of the i-th turn, nil if it begins without one.
func (w *window) packet(i int) *packet { return w.events[w.turns[i].first-1].packet }

// serve lets happen what does in the window to a host that has events.
func (k *worker) serve(t turn) {
	w := &k.window
	w.begin(t)
	h := k.world.hosts[t.host]
	for {
		at := w.until
		if w.done < len(w.mine) {
			at = w.mine[w.done].at
		}
		switch {
		case h.wake != never && h.wake <= at && h.wake < w.until: // first of its time
			h.woken()
		case w.done == len(w.mine):
			return
		default:
			e := w.mine[w.done]
			w.done++
			if e.packet != nil { // else it has woken
				h.arrive(&e)
			}
		}
	}
}
