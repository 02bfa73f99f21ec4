package p2p

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

// memNet connects Servers without sockets, for virtual time.
type memNet struct {
	mu    sync.Mutex
	at    map[netip.AddrPort]*memListener
	net   byte // first of the addresses' bytes
	next  byte
	black map[netip.AddrPort]bool // connects, and then nothing
}

type memListener struct {
	addr  netip.AddrPort
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// memConn gives a pipe's end an address.
type memConn struct {
	net.Conn
	remote netip.AddrPort
}

func (c memConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

func newMemNet() *memNet {
	return &memNet{net: 10, at: make(map[netip.AddrPort]*memListener), black: make(map[netip.AddrPort]bool)}
}

func (n *memNet) listen() *memListener {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	l := &memListener{
		addr:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{n.net, 0, 0, n.next}), 30303),
		conns: make(chan net.Conn, 100), done: make(chan struct{}),
	}
	n.at[l.addr] = l
	return l
}

func (n *memNet) dial(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	l, black := n.at[at], n.black[at]
	n.mu.Unlock()
	a, b := net.Pipe()
	if black {
		return memConn{a, at}, nil
	}
	if l == nil {
		return nil, errors.New("no route")
	}
	select {
	case l.conns <- memConn{b, netip.AddrPortFrom(netip.AddrFrom4([4]byte{n.net, 9, 9, 9}), 1)}:
		return memConn{a, at}, nil
	case <-l.done:
		return nil, errors.New("refused")
	}
}

// run starts a Server in the bubble and returns a function that ends it.
func (n *memNet) run(t *testing.T, cfg Config) (*Server, func()) {
	t.Helper()
	return n.runOn(t, n.listen(), cfg)
}

func (n *memNet) runOn(t *testing.T, l net.Listener, cfg Config) (*Server, func()) {
	t.Helper()
	cfg.Listener, cfg.Dial, cfg.NoDiscovery = l, n.dial, true
	return launch(t, cfg)
}

// stranger connects to a Server by hand, up to its Hello.
func (n *memNet) stranger(t *testing.T, s *Server, caps ...rlpx.Cap) *rlpx.Conn {
	t.Helper()
	at, _ := s.Self().TCPEndpoint()
	nc, err := n.dial(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	c, err := rlpx.Dial(t.Context(), nc, key, s.Self().PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Hello(t.Context(), &rlpx.Hello{Version: 5, Client: "stranger", Caps: caps, ID: key.Public()}); err != nil {
		t.Fatal(err)
	}
	return c
}

var echoCap = rlpx.Cap{Name: "echo", Version: 1}

// TestIdlePeersStay: peers whose protocols say nothing keep each other alive.
func TestIdlePeersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		a, stopA := n.run(t, Config{Protocols: []Protocol{echo()}})
		b, stopB := n.run(t, Config{Protocols: []Protocol{echo()}})
		p := connect(t, a, b)
		time.Sleep(time.Hour)
		if p.Err() != nil || len(b.Peers()) != 1 {
			t.Errorf("after an hour: %v", p.Err())
		}
		stopA()
		stopB()
	})
}

// TestSilentPeerGoes: one that does not even answer a Ping is dropped.
func TestSilentPeerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
		c := n.stranger(t, s, echoCap)
		synctest.Wait()
		p := s.Peers()[0]
		begin := time.Now()
		go func() { // it reads, but answers nothing
			for {
				if _, _, err := c.ReadMsg(); err != nil {
					return
				}
			}
		}()
		<-p.Done()
		if took := time.Since(begin); p.Err() != rlpx.DiscReadTimeout || took < silence || took > silence+pingEvery {
			t.Errorf("dropped after %v: %v", took, p.Err())
		}
		stop()
	})
}

// TestVanishedPeerGoes: one that takes nothing any more, as after a cut cable, is
// dropped too, even while there is something to send.
func TestVanishedPeerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		l := newLines("echo", 1, 2)
		s, stop := n.run(t, Config{Protocols: []Protocol{l.Protocol}})
		n.stranger(t, s, echoCap)
		c := <-l.open
		begin := time.Now()
		var err error
		for err == nil {
			err = c.rw.WriteMsg(t.Context(), 0, make([]byte, 10_000))
		}
		if took := time.Since(begin); took > flushTime+time.Second {
			t.Errorf("it took %v: %v", took, err)
		}
		stop()
	})
}

// TestSilentConnectionGoes: a connection that says nothing is closed within five
// seconds, one that was dialed like one that was accepted.
func TestSilentConnectionGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
		at, _ := s.Self().TCPEndpoint()
		c, err := n.dial(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		c.Read(make([]byte, 1))
		if took := time.Since(begin); took > handshakeTime {
			t.Errorf("closed after %v", took)
		}
		hole := enode.NewV4(newKey(t).Public(), netip.MustParseAddr("10.1.1.1"), 30303, 0)
		n.black[netip.MustParseAddrPort("10.1.1.1:30303")] = true
		begin = time.Now()
		if _, err := s.Connect(t.Context(), hole); err == nil || time.Since(begin) > handshakeTime {
			t.Errorf("dialed for %v: %v", time.Since(begin), err)
		}
		stop()
	})
}

// TestStaticComesBack: a static node that was away for an hour is a peer again within
// the longest pause.
func TestStaticComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		key := newKey(t)
		b, stopB := n.run(t, Config{Protocols: []Protocol{echo()}, Key: key})
		at, _ := b.Self().TCPEndpoint()
		a, stopA := n.run(t, Config{Protocols: []Protocol{echo()}, Static: []*enode.Node{b.Self()}})
		synctest.Wait()
		if len(a.Peers()) != 1 {
			t.Fatalf("%d peers: %s", len(a.Peers()), a.Health())
		}
		stopB()
		time.Sleep(time.Hour)
		if len(a.Peers()) != 0 {
			t.Fatal("a peer that is not there")
		}
		n.next = at.Addr().As4()[3] - 1 // at the same address
		_, stopB = n.run(t, Config{Protocols: []Protocol{echo()}, Key: key})
		time.Sleep(13 * time.Minute)
		if len(a.Peers()) != 1 {
			t.Errorf("%d peers: %s", len(a.Peers()), a.Health())
		}
		stopA()
		stopB()
	})
}

// TestStubbornProtocol: one whose Run does not end with its context holds up neither
// the others nor the end of the Server for long.
func TestStubbornProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		release := make(chan struct{})
		stubborn := Protocol{Name: "echo", Version: 1, Length: 2, Run: func(context.Context, *Peer, MsgReadWriter) error {
			<-release
			return nil
		}}
		a, stopA := n.run(t, Config{Protocols: []Protocol{stubborn}})
		b, stopB := n.run(t, Config{Protocols: []Protocol{echo()}})
		connect(t, a, b)
		begin := time.Now()
		stopA()
		if took := time.Since(begin); took > lingerTime+2*partingTime {
			t.Errorf("the end took %v", took)
		}
		synctest.Wait()
		if len(b.Peers()) != 0 {
			t.Error("the other side has not heard of it")
		}
		stopB()
		close(release)
	})
}

// TestBadPeers: what breaks the protocol ends the connection, with that as the reason.
func TestBadPeers(t *testing.T) {
	for name, do := range map[string]func(c *rlpx.Conn) error{
		"a code of no protocol": func(c *rlpx.Conn) error { return c.WriteMsg(rlpx.BaseCodes+2, nil) },
		"a second Hello":        func(c *rlpx.Conn) error { return c.WriteMsg(rlpx.CodeHello, []byte{0xc0}) },
		"bytes that are no frame": func(c *rlpx.Conn) error {
			_, err := c.NetConn().Write(make([]byte, rlpx.HeaderLen))
			return err
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newMemNet()
			s, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
			c := n.stranger(t, s, echoCap)
			synctest.Wait()
			p := s.Peers()[0]
			if err := do(c); err != nil {
				t.Fatal(err)
			}
			code, content, err := c.ReadMsg()
			if err != nil || code != rlpx.CodeDisconnect || rlpx.ParseDisconnect(content) != rlpx.DiscProtocolError {
				t.Errorf("%s: told 0x%x %x, %v", name, code, content, err)
			}
			if <-p.Done(); p.Err() == nil {
				t.Errorf("%s: still a peer", name)
			}
			stop()
		})
	}
}

// TestPing: a Ping is answered, and the codes that are not in use are passed over.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()}})
		c := n.stranger(t, s, echoCap)
		for _, code := range []uint64{rlpx.CodePong, 0x0f, rlpx.CodePing} {
			if err := c.WriteMsg(code, []byte{0xc0}); err != nil {
				t.Fatal(err)
			}
		}
		if code, _, err := c.ReadMsg(); err != nil || code != rlpx.CodePong {
			t.Errorf("0x%x, %v", code, err)
		}
		c.Close()
		stop()
	})
}

// TestManyDials: a node with many static ones that can't be reached dials no more of
// them at once than it may, and tells what it tried.
func TestManyDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var static []*enode.Node
		for i := range 60 {
			at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, 0, byte(i)}), 30303)
			n.black[at] = true
			static = append(static, enode.NewV4(newKey(t).Public(), at.Addr(), at.Port(), 0))
		}
		s, stop := n.run(t, Config{Protocols: []Protocol{echo()}, Static: static})
		for range 60 {
			time.Sleep(time.Second)
			if d := s.Stats().Dialing; d > peering.DefaultMaxDials {
				t.Fatalf("%d dials at once", d)
			}
		}
		if got := s.Health(); got.Dialed < 60 || len(got.Reasons) != 1 || got.Reasons[0].What != peering.HandshakeFailed {
			t.Errorf("%s", got)
		}
		stop()
	})
}
