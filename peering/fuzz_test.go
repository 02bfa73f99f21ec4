package peering

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// FuzzCore plays any sequence of calls and checks the bounds after each.
func FuzzCore(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	f.Add([]byte{0, 1, 3, 1, 0, 2, 3, 2, 4, 1, 5, 1, 6, 1, 2, 200, 3, 1})
	f.Fuzz(func(t *testing.T, moves []byte) {
		p := play{Core: New(Config{MaxPeers: 6, DialRatio: 2, MaxPending: 4, MaxDials: 4, Rand: rand.New(rand.NewPCG(1, 2))})}
		p.Advance(epoch)
		for i := 0; i+1 < len(moves); i += 2 {
			p.move(moves[i]%14, int(moves[i+1]))
			check(t, p.Core)
			if at := p.NextWake(); moves[i]%14 == 1 && !at.IsZero() && !at.After(p.now) {
				t.Fatalf("to be called again at once, after %v", at.Sub(p.now))
			}
		}
	})
}

// play is what a driver of a Core has under way.
type play struct {
	*Core
	tasks       []*DialTask
	open, peers []*Conn
	pending     []*Inbound
}

func (p *play) move(what byte, x int) {
	n := node(x % 16)
	switch what {
	case 0:
		p.NodeFound(node(x), "fuzz")
	case 1:
		dials, drops := p.Flush()
		p.tasks = append(p.tasks, dials...)
		for _, conn := range drops {
			p.Remove(conn, Rotated)
		}
	case 2:
		p.Advance(p.now.Add(time.Duration(x) * time.Second))
	case 3:
		conn := &Conn{ID: n.ID(), Inbound: x&32 != 0, Static: x&96 == 64}
		if p.PostHandshake(conn, n.IP()) != nil {
			p.Remove(conn, nil)
			return
		}
		p.open = append(p.open, conn)
	case 4:
		p.second(x)
	case 5:
		if len(p.peers) > 0 {
			p.Remove(p.peers[x%len(p.peers)], nil)
		}
	case 6:
		if len(p.tasks) > 0 {
			p.Dialed(p.tasks[x%len(p.tasks)], Reason(x%3), nil)
		}
	case 7:
		if in, _, _, err := p.Accept(netip.AddrFrom4([4]byte{20, 1, byte(x / 16), byte(x % 16)})); err == nil && in != nil {
			p.pending = append(p.pending, in)
		}
	case 8:
		if len(p.pending) > 0 {
			if in := p.pending[x%len(p.pending)]; x&64 == 0 {
				p.Spoke(in)
			} else {
				p.Done(in)
			}
		}
	case 9:
		p.AddStatic(n)
	case 10:
		p.RemoveStatic(n.ID())
	case 11:
		if x&16 == 0 {
			p.AddTrusted(n.ID())
		} else {
			p.RemoveTrusted(n.ID())
		}
	case 12:
		if len(p.peers) > 0 {
			p.Hold(p.peers[x%len(p.peers)])
		}
	case 13:
		p.Release(n.ID())
	}
}

// second takes a connection to the second checkpoint.
func (p *play) second(x int) {
	if len(p.open) == 0 {
		return
	}
	conn := p.open[x%len(p.open)]
	if !conn.since.IsZero() || conn.done {
		return
	}
	replaced, err := p.AddPeer(conn, x&1 == 0)
	if err != nil {
		p.Remove(conn, nil)
		return
	}
	if replaced != nil {
		p.Remove(replaced, nil)
	}
	p.peers = append(p.peers, conn)
}

// check fails when a promise is broken.
func check(t *testing.T, c *Core) {
	t.Helper()
	dialed, accepted, static := 0, 0, 0
	for id, conn := range c.conns {
		if conn.ID != id || conn.done || conn.lost {
			t.Fatalf("connection %+v", conn)
		}
		switch {
		case c.isTrusted(id) || conn.Static:
			static++
		case conn.Inbound:
			accepted++
		default:
			dialed++
		}
	}
	for id, conn := range c.held {
		switch {
		case c.conns[id] == conn:
		case c.conns[id] != nil:
			t.Fatalf("a place is kept for %s, which is back", id.Short())
		case c.isTrusted(id) || conn.Static:
		case conn.Inbound:
			accepted++
		default:
			dialed++
		}
	}
	running := 0
	for _, task := range c.dials {
		if !task.Static {
			running++
		}
	}
	switch {
	case running != c.found:
		t.Fatalf("%d dials to found nodes, counted %d", running, c.found)
	case dialed != c.dialed || accepted != c.accepted:
		t.Fatalf("%d dialed and %d accepted, counted %d and %d", dialed, accepted, c.dialed, c.accepted)
	case len(c.dials) > c.cfg.MaxDials || len(c.queue) > maxQueue || len(c.queue) != len(c.queued):
		t.Fatalf("%d dials, %d queued, %d known as queued", len(c.dials), len(c.queue), len(c.queued))
	case len(c.pending.waiting) > c.cfg.MaxPending:
		t.Fatalf("%d pending", len(c.pending.waiting))
	case len(c.order) != len(c.statics):
		t.Fatalf("%d static nodes in order, %d in all", len(c.order), len(c.statics))
	}
	inNets := 0
	for _, n := range c.pending.byNet {
		if inNets += n; n <= 0 {
			t.Fatal("a network with nobody in it")
		}
	}
	if inNets > len(c.pending.waiting) {
		t.Fatalf("%d pending by network, %d in all", inNets, len(c.pending.waiting))
	}
}
