package p2p

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/rlpx"
)

// named is echo under another name, with an entry in the own node's record.
func named(name string, entry byte) Protocol {
	p := echo()
	p.Name = name
	p.Attributes = map[string][]byte{"kind": {entry}}
	return p
}

// runs reports whether exactly these protocols run with each of some peers.
func runs(s *Server, peers int, names ...string) bool {
	all := s.Peers()
	for _, p := range all {
		var got []string
		for _, c := range p.Running() {
			got = append(got, c.Name)
		}
		if p.Err() != nil || !slices.Equal(got, names) {
			return false
		}
	}
	return len(all) == peers
}

func kind(s *Server) byte {
	raw, ok := s.Self().Record().Get("kind")
	if !ok {
		return 0
	}
	c := rlp.NewCursor(raw)
	return byte(c.Uint64())
}

// TestProtocolsChange adds and removes protocols on both sides of connections that
// each side has made.
func TestProtocolsChange(t *testing.T) {
	s := start(t, Config{Protocols: []Protocol{named("base", 1)}})
	cfg := Config{Protocols: []Protocol{named("base", 1), named("more", 2)}}
	dialed, dialer := start(t, cfg), start(t, cfg)
	connect(t, s, dialed)
	connect(t, dialer, s)
	check := func(what string, names ...string) {
		t.Helper()
		eventually(t, what, func() bool {
			return runs(s, 2, names...) && runs(dialed, 1, names...) && runs(dialer, 1, names...)
		})
	}
	check("two peers", "base")
	if err := s.AddProtocol(named("more", 3)); err != nil {
		t.Fatal(err)
	}
	check("one more", "base", "more")
	if got := kind(s); got != 3 {
		t.Errorf("the record says %d", got)
	}
	if err := s.AddProtocol(named("more", 4)); err == nil || kind(s) != 3 {
		t.Errorf("added twice: %v, the record says %d", err, kind(s))
	}
	if !s.RemoveProtocol(rlpx.Cap{Name: "base", Version: 1}) || s.RemoveProtocol(rlpx.Cap{Name: "base", Version: 1}) {
		t.Error("not removed, or twice")
	}
	check("one less", "more")
	if got := kind(s); got != 3 {
		t.Errorf("the record says %d", got)
	}
	s.AddProtocol(named("base", 5))
	check("again more", "base", "more")
	if s.RemoveProtocol(rlpx.Cap{Name: "base", Version: 1}); kind(s) != 3 {
		t.Errorf("the record does not say again what the protocol that is left has: %d", kind(s))
	}
	if s.RemoveProtocol(rlpx.Cap{Name: "more", Version: 1}); kind(s) != 0 {
		t.Errorf("the record still says %d", kind(s))
	}
	eventually(t, "nothing in common", func() bool { return len(s.Peers())+len(dialed.Peers())+len(dialer.Peers()) == 0 })
	if got := s.Stats().Connected; got < 7 {
		t.Errorf("%d connections", got)
	}
}

// TestChangeRefused: what is wrong with a protocol, and the record is as before.
func TestChangeRefused(t *testing.T) {
	s := start(t, Config{Protocols: []Protocol{named("base", 1)}})
	bad := named("bad", 2)
	bad.Attributes["large"] = append([]byte{0xb9, 0x01, 0x90}, make([]byte, 400)...)
	err := s.AddProtocol(bad)
	if _, large := s.Self().Record().Get("large"); err == nil || kind(s) != 1 || large {
		t.Errorf("%v, the record says %d", err, kind(s))
	}
	if err := s.AddProtocol(Protocol{Name: "idle"}); err == nil || len(s.protocols()) != 1 {
		t.Errorf("%v, %d protocols", err, len(s.protocols()))
	}
}

// TestOneByOne: of many peers that gain a protocol never two are gone at once, and no
// stranger takes the place of one meanwhile.
func TestOneByOne(t *testing.T) {
	const peers = 8
	s := start(t, Config{Protocols: []Protocol{named("base", 1)}, MaxPeers: peers, DialRatio: 1})
	for range 2 * peers {
		o := start(t, Config{Protocols: []Protocol{named("base", 1), named("more", 2)}})
		s.do(func(c *peering.Core) { c.NodeFound(o.Self(), "test") })
	}
	eventually(t, "all places taken", func() bool { return runs(s, peers, "base") })
	eventually(t, "nothing under way", func() bool { return s.Stats().Dialing == 0 })
	before := s.Peers()
	events := s.Events(t.Context())
	if err := s.AddProtocol(named("more", 2)); err != nil {
		t.Fatal(err)
	}
	gone, back := 0, 0
	for e := range events {
		switch e.Kind {
		case PeerDropped:
			gone++
		case PeerAdded:
			back++
		}
		if gone > back+1 {
			t.Fatalf("%d dropped, %d back", gone, back)
		}
		if back == peers {
			break
		}
	}
	eventually(t, "all gained", func() bool { return runs(s, peers, "base", "more") })
	for i, p := range s.Peers() {
		if p.ID() != before[i].ID() {
			t.Errorf("%s is new", p.ID().Short())
		}
	}
}

// TestOutOfReach: a peer that does not say where it listens keeps what it has rather
// than be lost for more; what is removed costs it the connection.
func TestOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		s, stop := n.run(t, Config{Protocols: []Protocol{named("base", 1), named("less", 1)}})
		defer stop()
		caps := []rlpx.Cap{{Name: "base", Version: 1}, {Name: "less", Version: 1}, {Name: "more", Version: 1}}
		c := n.stranger(t, s, caps...)
		defer c.Close()
		synctest.Wait()
		if err := s.AddProtocol(named("more", 2)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !runs(s, 1, "base", "less") {
			t.Fatal("the peer was not left alone")
		}
		s.RemoveProtocol(rlpx.Cap{Name: "less", Version: 1})
		if code, content, err := c.ReadMsg(); err != nil || code != rlpx.CodeDisconnect || rlpx.ParseDisconnect(content) != rlpx.DiscRequested {
			t.Errorf("code %d, % x, %v", code, content, err)
		}
	})
}

// TestNotTooSoon: an address that lets nobody in twice in 30 seconds is not tried
// twice in that time.
func TestNotTooSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.net = 20
		a, stopA := n.run(t, Config{Protocols: []Protocol{named("base", 1)}})
		defer stopA()
		b, stopB := n.run(t, Config{Protocols: []Protocol{named("base", 1), named("more", 1)}})
		defer stopB()
		connect(t, a, b)
		begin := time.Now()
		a.AddProtocol(named("more", 1))
		for !runs(a, 1, "base", "more") {
			time.Sleep(time.Second)
		}
		if got := time.Since(begin); got < againAfter || got > againAfter+5*time.Second {
			t.Errorf("reconnected after %v", got)
		}
	})
}

// TestCandidates: the nodes that a protocol brings are dialed, also when it is added
// late, and it is not asked any more when it is gone.
func TestCandidates(t *testing.T) {
	a, b, c := start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{named("late", 1)}})
	asked := make(chan struct{}, 1000)
	var open atomic.Int32
	from := func(nodes ...*Server) iter.Seq[*enode.Node] {
		return func(yield func(*enode.Node) bool) {
			open.Add(1)
			defer open.Add(-1)
			for i := 0; ; i++ {
				asked <- struct{}{}
				if !yield(nodes[i%len(nodes)].Self()) {
					return
				}
				time.Sleep(time.Millisecond) // so that it can be asked for ever
			}
		}
	}
	first := echo()
	first.Candidates = from(a, b)
	s := start(t, Config{Protocols: []Protocol{first}, MaxPeers: 3, DialRatio: 1})
	eventually(t, "both are peers", func() bool { return len(s.Peers()) == 2 })
	late := named("late", 1)
	late.Candidates = from(c)
	if err := s.AddProtocol(late); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are peers", func() bool { return len(s.Peers()) == 3 })
	for len(asked) > 0 {
		<-asked
	}
	time.Sleep(20 * time.Millisecond)
	if len(asked) > 2 {
		t.Errorf("asked %d times while all places are taken", len(asked))
	}
	s.RemoveProtocol(late.Cap())
	s.RemoveProtocol(first.Cap())
	eventually(t, "nobody asks", func() bool { return open.Load() == 0 })
}

// TestProtocolsChangeFast: any number of changes at once ends with what is there.
func TestProtocolsChangeFast(t *testing.T) {
	l := named("more", 1)
	s, o := start(t, Config{Protocols: []Protocol{named("base", 1)}}), start(t, Config{Protocols: []Protocol{named("base", 1), l}})
	connect(t, s, o)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for range 2 {
		go func() {
			for ctx.Err() == nil {
				s.AddProtocol(l)
				s.RemoveProtocol(l.Cap())
			}
		}()
	}
	<-ctx.Done()
	eventually(t, "what is left runs", func() bool { return runs(s, 1, "base") && runs(o, 1, "base") })
	s.AddProtocol(l)
	eventually(t, "both run", func() bool { return runs(s, 1, "base", "more") && runs(o, 1, "base", "more") })
}
