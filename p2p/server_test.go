package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

func TestEcho(t *testing.T) {
	l := newLines("echo", 1, 2)
	a, b := start(t, Config{Protocols: []Protocol{l.Protocol}, Name: "one/1"}), start(t, Config{Protocols: []Protocol{echo()}, Name: "two/2"})
	p := connect(t, a, b)
	if p.ID() != b.Self().ID() || p.Client() != "two/2" || p.Inbound() || len(p.Running()) != 1 {
		t.Errorf("%v, %q, inbound %v, %v", p.ID(), p.Client(), p.Inbound(), p.Running())
	}
	c := <-l.open
	for _, size := range []int{0, 1, 100, 5000, 100_000, 1 << 20, rlpx.MaxMessage} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i >> 10)
		}
		if err := c.rw.WriteMsg(t.Context(), 0, payload); err != nil {
			t.Fatal(err)
		}
		m, err := c.rw.ReadMsg(t.Context())
		if err != nil || m.Code != 1 || !bytes.Equal(m.Payload, payload) {
			t.Fatalf("%d bytes: code %d, %d bytes, %v", size, m.Code, len(m.Payload), err)
		}
	}
	if err := c.rw.WriteMsg(t.Context(), 2, nil); !errors.Is(err, errCode) {
		t.Errorf("a code that the protocol does not have: %v", err)
	}
	if err := c.rw.WriteMsg(t.Context(), 0, make([]byte, rlpx.MaxMessage+1)); !errors.Is(err, rlpx.ErrMessageSize) {
		t.Errorf("a message too large: %v", err)
	}
	eventually(t, "b has the peer", func() bool { return len(b.Peers()) == 1 })
	if q := b.Peers()[0]; q.ID() != a.Self().ID() || !q.Inbound() || q.Client() != "one/1" {
		t.Errorf("%v, inbound %v, %q", q.ID(), q.Inbound(), q.Client())
	}
	if again := connect(t, a, b); again != p {
		t.Error("connected twice")
	}
}

// TestProtocolsShared: several protocols on one connection, each with its codes.
func TestProtocolsShared(t *testing.T) {
	mine := []*lines{newLines("zz", 1, 3), newLines("aa", 1, 5), newLines("aa", 2, 7), newLines("other", 1, 1)}
	theirs := []*lines{newLines("aa", 2, 7), newLines("aa", 3, 9), newLines("zz", 1, 3), newLines("aa", 1, 5)}
	all := func(ls []*lines) (ps []Protocol) {
		for _, l := range ls {
			ps = append(ps, l.Protocol)
		}
		return ps
	}
	a, b := start(t, Config{Protocols: all(mine)}), start(t, Config{Protocols: all(theirs)})
	p := connect(t, a, b)
	if got := fmt.Sprint(p.Running()); got != "[aa/2 zz/1]" {
		t.Errorf("runs %s", got)
	}
	for _, pair := range [][2]*line{{<-mine[2].open, <-theirs[0].open}, {<-mine[0].open, <-theirs[2].open}} {
		for code := range uint64(3) {
			if err := pair[0].rw.WriteMsg(t.Context(), code, []byte{byte(code)}); err != nil {
				t.Fatal(err)
			}
			m, err := pair[1].rw.ReadMsg(t.Context())
			if err != nil || m.Code != code || len(m.Payload) != 1 {
				t.Errorf("code %d came as %d, %v", code, m.Code, err)
			}
		}
	}
}

// TestRefusals: both sides learn why there is no peer.
func TestRefusals(t *testing.T) {
	other := newLines("other", 1, 1)
	full := Config{Protocols: []Protocol{echo()}, MaxPeers: 2, DialRatio: 2} // one place for inbound
	for name, test := range map[string]struct {
		cfg  Config
		dial func(t *testing.T, s *Server) error
		want rlpx.DiscReason
	}{
		"useless": {Config{Protocols: []Protocol{other.Protocol}}, nil, rlpx.DiscUselessPeer},
		"full": {full, func(t *testing.T, s *Server) error {
			connect(t, start(t, Config{Protocols: []Protocol{echo()}}), s)
			_, err := start(t, Config{Protocols: []Protocol{echo()}}).Connect(t.Context(), s.Self())
			return err
		}, rlpx.DiscTooManyPeers},
		"self": {Config{Protocols: []Protocol{echo()}}, func(t *testing.T, s *Server) error {
			_, err := s.Connect(t.Context(), s.Self())
			return err
		}, rlpx.DiscSelf},
		"the same key from elsewhere": {Config{Protocols: []Protocol{echo()}}, func(t *testing.T, s *Server) error {
			key := newKey(t)
			connect(t, start(t, Config{Key: key, Protocols: []Protocol{echo()}}), s)
			_, err := start(t, Config{Key: key, Protocols: []Protocol{echo()}}).Connect(t.Context(), s.Self())
			return err
		}, rlpx.DiscAlreadyConnected},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, test.cfg)
			dial := test.dial
			if dial == nil {
				dial = func(t *testing.T, s *Server) error {
					_, err := start(t, Config{Protocols: []Protocol{echo()}}).Connect(t.Context(), s.Self())
					return err
				}
			}
			var said rlpx.DiscReason
			if err := dial(t, s); !errors.As(err, &said) || said != test.want {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// TestHealth: a node without peers says why.
func TestHealth(t *testing.T) {
	full := start(t, Config{Protocols: []Protocol{echo()}, MaxPeers: -1})
	other := start(t, Config{Protocols: []Protocol{newLines("other", 1, 1).Protocol}})
	a := start(t, Config{Protocols: []Protocol{echo()}, Static: []*enode.Node{full.Self(), other.Self()}})
	eventually(t, "both refuse", func() bool { return len(a.Health().Told)+len(a.Health().Reasons) >= 3 })
	if got := a.Health().String(); !strings.HasPrefix(got, "0 of 50 peers, 0 inbound; 0 nodes found, 2 dialed; ") ||
		!strings.Contains(got, "told: too many peers 1") {
		t.Errorf("%s", got)
	}
}

// TestTrusted: a trusted node comes in when all places are taken.
func TestTrusted(t *testing.T) {
	key := newKey(t)
	pub := key.Public()
	s := start(t, Config{Protocols: []Protocol{echo()}, MaxPeers: -1, Trusted: []enode.ID{enode.PubkeyID(&pub)}})
	if _, err := start(t, Config{Protocols: []Protocol{echo()}}).Connect(t.Context(), s.Self()); err == nil {
		t.Error("a stranger has come in")
	}
	connect(t, start(t, Config{Key: key, Protocols: []Protocol{echo()}}), s)
}

// TestUnreachable: the error says what is wrong below.
func TestUnreachable(t *testing.T) {
	a := start(t, Config{Protocols: []Protocol{echo()}})
	key := newKey(t).Public()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	n := enode.NewV4(key, at.Addr(), at.Port(), at.Port())
	if _, err := a.Connect(t.Context(), n); err == nil {
		t.Error("connected to nobody")
	}
	if _, err := a.Connect(t.Context(), enode.NewV4(key, netip.Addr{}, 0, 0)); !errors.Is(err, peering.NoAddress) {
		t.Errorf("without an address: %v", err)
	}
	b := start(t, Config{Protocols: []Protocol{echo()}})
	at, _ = b.Self().TCPEndpoint()
	if _, err := a.Connect(t.Context(), enode.NewV4(key, at.Addr(), at.Port(), 0)); err == nil {
		t.Error("connected to another node than was dialed")
	}
}

// TestStatic: a static node is dialed, and again when it was away.
func TestStatic(t *testing.T) {
	b := start(t, Config{Protocols: []Protocol{echo()}})
	a := start(t, Config{Protocols: []Protocol{echo()}, Static: []*enode.Node{b.Self()}, MaxPeers: -1})
	eventually(t, "connected", func() bool { return len(a.Peers()) == 1 && len(b.Peers()) == 1 })
	if steps := fmt.Sprint(kinds(a.Explain(b.Self().ID()))); steps != "[found dial added]" {
		t.Errorf("steps %s", steps)
	}
}

func kinds(steps []peering.Event) (list []peering.EventKind) {
	for _, e := range steps {
		list = append(list, e.Kind)
	}
	return list
}

// TestProtocolEnds: the peer is dropped when a protocol returns or panics, with the
// right reason on both sides, and the Server lives.
func TestProtocolEnds(t *testing.T) {
	for name, test := range map[string]struct {
		run  func() error
		want rlpx.DiscReason
	}{
		"returns":       {func() error { return nil }, rlpx.DiscRequested},
		"fails":         {func() error { return errors.New("broken") }, rlpx.DiscSubprotocolError},
		"wants no more": {func() error { return fmt.Errorf("enough: %w", rlpx.DiscUselessPeer) }, rlpx.DiscUselessPeer},
		"panics":        {func() error { panic("oh") }, rlpx.DiscSubprotocolError},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLines("echo", 1, 2)
			bad := Protocol{Name: "echo", Version: 1, Length: 2, Run: func(context.Context, *Peer, MsgReadWriter) error { return test.run() }}
			a, b := start(t, Config{Protocols: []Protocol{l.Protocol}}), start(t, Config{Protocols: []Protocol{bad}})
			p := connect(t, a, b)
			<-p.Done()
			if !errors.Is(p.Err(), test.want) {
				t.Errorf("%v, want %v", p.Err(), test.want)
			}
			eventually(t, "gone", func() bool { return len(a.Peers()) == 0 && len(b.Peers()) == 0 })
			if !b.do(func(*peering.Core) {}) {
				t.Error("the Server is dead")
			}
		})
	}
}

// TestEvents: added and dropped are told, with whose doing it was.
func TestEvents(t *testing.T) {
	a, b := start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{echo()}})
	got := make(chan Event, 100)
	for _, s := range []*Server{a, b} {
		events := s.Events(t.Context())
		go func() {
			for e := range events {
				if e.Kind == PeerAdded || e.Kind == PeerDropped {
					got <- e
				}
			}
		}()
	}
	p := connect(t, a, b)
	for range 2 {
		if e := <-got; e.Kind != PeerAdded || e.Peer == nil {
			t.Errorf("%+v", e)
		}
	}
	p.Disconnect(rlpx.DiscTooManyPeers)
	for range 2 {
		e := <-got
		if e.Kind != PeerDropped || !errors.Is(e.Err, rlpx.DiscTooManyPeers) || e.Remote != (e.ID == a.Self().ID()) {
			t.Errorf("%v of %v: %v, by the other side: %v", e.Kind, e.ID.Short(), e.Err, e.Remote)
		}
	}
}

// TestQuit: a Server that ends tells its peers.
func TestQuit(t *testing.T) {
	hub, stop := startUntil(t, Config{Protocols: []Protocol{echo()}, MaxPeers: 100})
	var peers []*Peer
	for range 30 {
		peers = append(peers, connect(t, start(t, Config{Protocols: []Protocol{echo()}}), hub))
	}
	eventually(t, "all there", func() bool { return len(hub.Peers()) == 30 })
	stop()
	for _, p := range peers {
		if <-p.Done(); p.Err() != rlpx.DiscQuitting {
			t.Errorf("%v", p.Err())
		}
	}
	if _, err := hub.Connect(t.Context(), peers[0].Node()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if err := hub.Run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("run again: %v", err)
	}
}

// TestBothDial: two nodes that dial each other at once end with one connection.
func TestBothDial(t *testing.T) {
	for range 20 {
		a, b := start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{echo()}})
		done := make(chan error, 2)
		go func() { _, err := a.Connect(t.Context(), b.Self()); done <- err }()
		go func() { _, err := b.Connect(t.Context(), a.Self()); done <- err }()
		if first, second := <-done, <-done; first != nil && second != nil {
			t.Errorf("neither is connected: %v and %v", first, second)
		}
		eventually(t, "one connection", func() bool { return len(a.Peers()) == 1 && len(b.Peers()) == 1 })
	}
}

// TestSilentConnections: 10,000 connections and more that say nothing, as fast as they
// can be made, don't stop honest nodes from connecting meanwhile, and all of them are
// closed.
func TestSilentConnections(t *testing.T) {
	s := start(t, Config{Protocols: []Protocol{echo()}})
	at, _ := s.Self().TCPEndpoint()
	const silent, dialers, honest = 10_000, 4, 20
	var opened, closed atomic.Int32
	var done atomic.Bool
	var wg sync.WaitGroup
	begun := make(chan struct{}, dialers)
	for range dialers {
		wg.Go(func() {
			for i := 0; i < silent/dialers || !done.Load() && i < 10*silent/dialers; i++ {
				c, err := net.Dial("tcp", at.String())
				if err != nil {
					t.Error(err)
					return
				}
				opened.Add(1)
				wg.Go(func() {
					c.Read(make([]byte, 1))
					c.Close()
					closed.Add(1)
				})
				if i == 100 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range dialers {
		<-begun
	}
	tries := 0
	for range honest { // one may be pushed out, and tries again
		o := start(t, Config{Protocols: []Protocol{echo()}})
		for err := errors.New("not tried"); err != nil && tries < 10*honest; tries++ {
			_, err = o.Connect(t.Context(), s.Self())
		}
	}
	done.Store(true)
	wg.Wait()
	if n := opened.Load(); tries >= 10*honest || closed.Load() != n || n < silent {
		t.Errorf("%d tries of %d honest ones; %d of %d silent ones are closed", tries, honest, closed.Load(), n)
	}
	t.Logf("%d tries of %d honest ones beside %d silent ones", tries, honest, opened.Load())
}

// TestSlowReader: a peer that reads nothing holds up its own protocol only, and
// little memory.
func TestSlowReader(t *testing.T) {
	l, slow := newLines("data", 1, 1), newLines("data", 1, 1)
	a := start(t, Config{Protocols: []Protocol{l.Protocol}})
	connect(t, a, start(t, Config{Protocols: []Protocol{slow.Protocol}}))
	c := <-l.open
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	sent := 0
	for c.rw.WriteMsg(ctx, 0, make([]byte, 60_000)) == nil {
		sent++
	}
	if ctx.Err() == nil {
		t.Fatalf("the peer is gone: %v", c.Err())
	}
	if n := c.conn.Buffered(); n > 2*maxUnsent {
		t.Errorf("%d bytes wait", n)
	}
	fast := newLines("data", 1, 1)
	connect(t, a, start(t, Config{Protocols: []Protocol{fast.Protocol}}))
	if err := (<-l.open).rw.WriteMsg(t.Context(), 0, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if m, err := (<-fast.open).rw.ReadMsg(t.Context()); err != nil || string(m.Payload) != "hello" {
		t.Errorf("%q, %v", m.Payload, err)
	}
	d := <-slow.open
	for i := range sent { // nothing was lost
		if m, err := d.rw.ReadMsg(t.Context()); err != nil || len(m.Payload) != 60_000 {
			t.Fatalf("message %d of %d: %d bytes, %v", i, sent, len(m.Payload), err)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	run := func(context.Context, *Peer, MsgReadWriter) error { return nil }
	key := newKey(t)
	for name, cfg := range map[string]Config{
		"no key":         {},
		"no name":        {Key: key, Protocols: []Protocol{{Version: 1, Run: run}}},
		"a long name":    {Key: key, Protocols: []Protocol{{Name: "123456789", Run: run}}},
		"p2p":            {Key: key, Protocols: []Protocol{{Name: "p2p", Run: run}}},
		"no Run":         {Key: key, Protocols: []Protocol{{Name: "a"}}},
		"twice":          {Key: key, Protocols: []Protocol{{Name: "a", Run: run}, {Name: "a", Run: run}}},
		"too many codes": {Key: key, Protocols: []Protocol{{Name: "a", Length: 1 << 40, Run: run}}},
		"a nil node":     {Key: key, Static: []*enode.Node{nil}},
		"a bad entry":    {Key: key, Protocols: []Protocol{{Name: "a", Run: run, Attributes: map[string][]byte{"x": {1, 2, 3}}}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestNetwork: nodes that know one bootnode find and connect to each other.
func TestNetwork(t *testing.T) {
	const nodes, wanted = 12, 4
	cfg := Config{Protocols: []Protocol{echo()}, MaxPeers: 2 * wanted, DialRatio: 2}
	boot := startNode(t, cfg)
	all := []*Server{boot}
	cfg.Bootnodes = []*enode.Node{boot.Self()}
	for range nodes {
		all = append(all, startNode(t, cfg))
	}
	for i, s := range all {
		eventually(t, fmt.Sprintf("node %d has %d peers", i, wanted), func() bool { return len(s.Peers()) >= wanted })
	}
}

// TestConnectAgain: right after a peer was dropped, Connect makes a new one.
func TestConnectAgain(t *testing.T) {
	a, b := start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{echo()}})
	last := connect(t, a, b)
	eventually(t, "b has it too", func() bool { return len(b.Peers()) == 1 })
	for range 10 {
		old := b.Peers()[0]
		last.Disconnect(rlpx.DiscRequested)
		<-b.freed(old) // b has a connection to it until then
		p := connect(t, a, b)
		if p == last || p.Err() != nil {
			t.Fatal("the peer that was dropped is returned")
		}
		last = p
		eventually(t, "b has it too", func() bool { return len(b.Peers()) == 1 && b.Peers()[0].Err() == nil })
	}
}

// TestNoProtocols: a node that speaks no protocol takes part in discovery and dials
// nobody.
func TestNoProtocols(t *testing.T) {
	boot := startNode(t, Config{Protocols: []Protocol{echo()}})
	s := startNode(t, Config{Bootnodes: []*enode.Node{boot.Self()}})
	eventually(t, "they know each other", func() bool {
		return s.Discovery().Stats().Table.Entries == 1 && boot.Discovery().Stats().Table.Entries == 1
	})
	eventually(t, "it is dialed, and refuses", func() bool { return s.Stats().Refused[peering.Useless] > 0 })
	if stats := s.Stats(); stats.Found+stats.Dials > 0 || len(s.Peers()) > 0 {
		t.Errorf("%+v", stats)
	}
}

// TestScoresKept: after a restart a node that was of use is a peer again, without
// anybody telling of it, and one that was of none is left alone.
func TestScoresKept(t *testing.T) {
	db, err := nodedb.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := start(t, Config{Protocols: []Protocol{echo()}}), start(t, Config{Protocols: []Protocol{named("other", 1)}})
	p := echo()
	p.Candidates = slices.Values([]*enode.Node{good.Self(), bad.Self()})
	cfg := Config{Key: newKey(t), Protocols: []Protocol{p}, DB: db}
	s, stop := startUntil(t, cfg)
	eventually(t, "one is a peer, the other is not", func() bool {
		return len(s.Peers()) == 1 && s.Stats().Refused[peering.Useless] == 1 && s.Stats().Dialing == 0
	})
	s.Peers()[0].Useful()
	stop()
	scores := db.Scores()
	slices.SortFunc(scores, func(a, b nodedb.Score) int { return b.Points - a.Points })
	if len(scores) != 2 || scores[0].ID != good.Self().ID() || scores[0].Points != 1 || scores[1].ID != bad.Self().ID() || scores[1].Points >= 0 {
		t.Fatalf("%+v", scores)
	}
	eventually(t, "the other side knows", func() bool { return len(good.Peers()) == 0 && good.Stats().Peers == 0 })
	cfg.Protocols = []Protocol{echo()}
	s = start(t, cfg)
	eventually(t, "it is back", func() bool { return len(s.Peers()) == 1 && s.Peers()[0].ID() == good.Self().ID() })
	s.do(func(c *peering.Core) { c.NodeFound(bad.Self(), "test") })
	if got := s.Stats(); got.Refused[peering.Disappointing] != 1 || got.Dials != 1 {
		t.Errorf("%+v", got)
	}
}
