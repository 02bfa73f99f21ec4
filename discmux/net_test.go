package discmux

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// network is one of tables in virtual time, whose nodes speak v4, v5, or both through a
// Mux. The protocols are reduced to what they say to tables.
type network struct {
	*lab
	members []*member
	events  events
	seq     int
}

// member is a node of it.
type member struct {
	net    *network
	node   *enode.Node
	speaks kad.Protocol
	table  *kad.Table
	mux    *Mux // of those that speak both
}

type event struct {
	at  time.Time
	seq int
	run func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	e := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return e
}

func (w *network) after(d time.Duration, run func()) {
	w.seq++
	heap.Push(&w.events, event{w.now.Add(d), w.seq, run})
}

// link is how a member asks by one protocol.
type link struct {
	from *member
	via  kad.Protocol
}

// ask has a question answered by the member that it is for, after a round trip, if that
// speaks the protocol. Both have then heard of each other by it.
func (k link) ask(n *enode.Node, answer func(*member), fail func()) {
	w := k.from.net
	i := slices.IndexFunc(w.members, func(m *member) bool { return m.node.ID() == n.ID() })
	if i < 0 || w.members[i].speaks&k.via == 0 {
		w.after(800*time.Millisecond, fail)
		return
	}
	to := w.members[i]
	w.after(20*time.Millisecond, func() {
		to.table.Advance(w.now)
		k.from.table.Advance(w.now)
		to.table.AddLive(k.from.node, k.via)
		k.from.table.AddLive(n, k.via)
		answer(to)
	})
}

func (k link) Ping(n *enode.Node, done func(uint64, error)) {
	k.ask(n, func(m *member) { done(m.node.Seq(), nil) }, func() { done(0, errV4) })
}

func (k link) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	k.ask(n, func(m *member) { done(m.node, nil) }, func() { done(nil, errV4) })
}

func (k link) Findnode(n *enode.Node, target kad.Target, done func([]*enode.Node, error)) {
	k.ask(n, func(m *member) {
		var list []*enode.Node
		if k.via == kad.V4 {
			for _, n := range m.table.Closest(nil, target.ID, kad.BucketSize, kad.V4, nil) {
				list = append(list, enode.NewV4(n.PublicKey(), n.IP(), n.TCP(), n.UDP()))
			}
		} else {
			d := enode.LogDist(target.ID, n.ID())
			for _, d := range []int{d, d + 1, d - 1} {
				list = m.table.AtDistance(list, d, kad.BucketSize-len(list), kad.V5)
			}
		}
		done(list, nil)
	}, func() { done(nil, errV4) })
}

// join adds a member that speaks so and knows the first one.
func (w *network) join(speaks kad.Protocol) {
	m := &member{net: w, node: w.recorded(), speaks: speaks}
	seed := uint64(len(w.members))
	cfg := kad.Config{Self: m.node.ID(), SelfKey: m.node.PublicKey(), Rand: rand.New(rand.NewPCG(seed, 11))}
	if len(w.members) > 0 {
		cfg.Bootnodes = []*enode.Node{w.members[0].node}
	}
	if speaks == both {
		m.mux = New(rand.New(rand.NewPCG(seed, 12)))
		cfg.Transport = m.mux
	} else {
		cfg.Transport, cfg.Via = link{m, speaks}, speaks
	}
	m.table = kad.New(cfg)
	if m.mux != nil {
		m.mux.Connect(m.table, link{m, kad.V4}, link{m, kad.V5})
	}
	w.members = append(w.members, m)
	w.wake(m)
}

// wake advances a member whenever it is due.
func (w *network) wake(m *member) {
	m.table.Advance(w.now)
	next := m.table.NextWake()
	if m.mux != nil {
		m.mux.Advance(w.now)
		if at := m.mux.NextWake(); at.Before(next) {
			next = at
		}
	}
	w.after(min(max(next.Sub(w.now), time.Millisecond), 50*time.Millisecond), func() { w.wake(m) })
}

func (w *network) run(d time.Duration) {
	for end := w.now.Add(d); w.events[0].at.Before(end); {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.run()
	}
}

// TestMixedNetwork: nodes that speak v4, v5 or both and know one that speaks both find
// all that speak what they do, and no others, and those that speak both know it of each
// other and tell it to all.
func TestMixedNetwork(t *testing.T) {
	w := &network{lab: newLab(t)}
	w.join(both)
	for i := range 60 {
		w.join([]kad.Protocol{kad.V4, kad.V5, both, kad.V4, kad.V5}[i%5])
	}
	w.run(2 * time.Minute)
	pairs, halfKnown := 0, 0
	for _, m := range w.members {
		for _, o := range w.members {
			said := m.table.Speaks(o.node.ID())
			if said&^(o.speaks&m.speaks) != 0 {
				t.Fatalf("a table of one that speaks %d says that one speaks %d, which speaks %d", m.speaks, said, o.speaks)
			}
			if _, live := m.table.Node(o.node.ID()); live && m.speaks == both && o.speaks == both {
				if pairs++; said != both {
					halfKnown++
				}
			}
		}
		if m.table.Live() < 15 {
			t.Errorf("one that speaks %d has %d entries", m.speaks, m.table.Live())
		}
	}
	if pairs < 50 || halfKnown > pairs/20 {
		t.Errorf("of %d neighbours that speak both, %d are known by one protocol", pairs, halfKnown)
	}
	asks, found := 0, 0
	for i, m := range w.members {
		for _, o := range w.members[i%7:] {
			if m == o || m.speaks&o.speaks == 0 {
				continue
			}
			m.table.Advance(w.now)
			if _, err := m.table.Lookup(kad.TargetOf(o.node.PublicKey()), kad.LookupOptions{}, func(nodes []*enode.Node) {
				asks++
				if len(nodes) > 0 && nodes[0].ID() == o.node.ID() {
					found++
				}
			}); err != nil {
				t.Fatal(err)
			}
			w.run(400 * time.Millisecond)
		}
	}
	w.run(10 * time.Second)
	if asks < 1000 || found < asks*99/100 {
		t.Errorf("of %d lookups %d found what they looked for", asks, found)
	}
}
