package discover

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/rlp"
)

var (
	loopback4 = netip.MustParseAddrPort("127.0.0.1:0")
	loopback6 = netip.MustParseAddrPort("[::1]:0")
	anyAddr   = netip.MustParseAddrPort("[::]:0")
)

// listen starts a node on a socket of the system.
func (w *world) listen(at netip.AddrPort, cfg Config) *UDP {
	w.t.Helper()
	conn, err := ListenUDP(at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.hosts++
	n, err := Listen(conn, enode.NewLocalNode(newKey(w.t, w.hosts), nil), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nodes = append(w.nodes, n)
	w.t.Cleanup(func() { n.Close() })
	return n
}

// growSockets is grow with sockets on loopback.
func (w *world) growSockets(at netip.AddrPort, nodes int) {
	boot := w.listen(at, Config{})
	for range nodes - 1 {
		w.listen(at, Config{Bootnodes: []*enode.Node{boot.Self()}})
	}
}

func TestSockets(t *testing.T) {
	for _, at := range []netip.AddrPort{loopback4, loopback6} {
		t.Run(at.Addr().String(), func(t *testing.T) {
			w := &world{t: t}
			w.growSockets(at, 6)
			w.filled(1, 1, 10*time.Second)
			w.findable(1)
			for _, n := range w.nodes {
				if s := n.Stats(); s.SendErrors > 0 || s.ReadBufferAsked != 4<<20 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// One socket serves both families, and each peer is seen at its plain address.
func TestDualStack(t *testing.T) {
	w := &world{t: t}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dual := w.listen(anyAddr, Config{})
	port := dual.Self().UDP()
	for _, at := range []netip.AddrPort{loopback4, loopback6} {
		n := w.listen(at, Config{})
		here := dual.Self().WithEndpoint(at.Addr(), port)
		pong, err := n.Ping(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		if want := n.conn.LocalAddr(); pong.Endpoint != want {
			t.Errorf("seen at %v, expected %v", pong.Endpoint, want)
		}
		if full, err := n.RequestENR(ctx, here); err != nil || full.ID() != dual.Self().ID() {
			t.Errorf("record %v, %v", full, err)
		}
		if pong, err = dual.Ping(ctx, n.Self()); err != nil || pong.Endpoint != netip.AddrPortFrom(at.Addr(), port) {
			t.Errorf("%v sees the other at %v, %v", at, pong.Endpoint, err)
		}
	}
	poll(t, 10*time.Second, func() (bool, string) {
		return dual.Stats().Table.Entries == 2, "the node of both families does not know both others"
	})
}

// Everything at once from many goroutines, while nodes come and go.
func TestConcurrentUse(t *testing.T) {
	w := &world{t: t}
	w.growSockets(loopback4, 5)
	w.filled(1, 1, 10*time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i, n := range w.nodes {
		other := w.nodes[(i+1)%len(w.nodes)]
		for _, c := range calls {
			wg.Go(func() {
				for round := 0; round < 20 && ctx.Err() == nil; round++ {
					within, done := context.WithTimeout(ctx, 200*time.Millisecond)
					err := c.do(within, n, other.Self())
					// A machine that is overloaded answers late, and requests to the
					// node that left pile up, up to a limit.
					fine := err == nil || within.Err() != nil || errors.Is(err, discv4.ErrClosed) ||
						errors.Is(err, discv4.ErrTimeout) || errors.Is(err, discv4.ErrBusy) || errors.Is(err, kad.ErrBusy) || errors.Is(err, ErrNotFound)
					if !fine {
						t.Errorf("%s: %v", c.name, err)
					}
					done()
				}
			})
		}
		wg.Go(func() {
			for round := uint64(1); round < 50; round++ {
				if err := n.LocalNode().Set("kith", rlp.AppendUint(nil, round)); err != nil {
					t.Error(err)
				}
				n.Stats()
				n.Buckets()
			}
		})
	}
	wg.Go(func() {
		time.Sleep(time.Second)
		w.nodes[4].Close()
	})
	wg.Wait()
	if w.nodes[0].Self().Seq() < 2 {
		t.Error("the record did not change")
	}
}

func TestPortInUse(t *testing.T) {
	conn, err := ListenUDP(loopback4)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	second, err := ListenUDP(conn.LocalAddr())
	if err == nil {
		second.Close()
		t.Fatal("two sockets at one port")
	}
	for _, part := range []string{conn.LocalAddr().String(), "in use"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// Nobody listens at the port: the system says so by ICMP, which must end neither
// the wait nor the node.
func TestPeerIsGone(t *testing.T) {
	w := &world{t: t}
	n, gone, there := w.listen(loopback4, Config{}), w.listen(loopback4, Config{}), w.listen(loopback4, Config{})
	gone.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := n.Ping(ctx, gone.Self()); !errors.Is(err, discv4.ErrTimeout) {
		t.Errorf("PING to nobody: %v", err)
	}
	if _, err := n.Ping(ctx, there.Self()); err != nil {
		t.Errorf("PING to somebody afterwards: %v", err)
	}
}

func TestErrorsSayWhy(t *testing.T) {
	w := &world{t: t}
	n := w.listen(loopback4, Config{NetRestrict: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	key := newKey(t, 70).Public()
	for want, bad := range map[error]*enode.Node{
		discv4.ErrNoEndpoint: enode.NewV4(key, netip.Addr{}, 0, 0),
		discv4.ErrRestricted: enode.NewV4(key, netip.MustParseAddr("10.0.0.1"), 0, 30303),
	} {
		if _, err := n.Ping(context.Background(), bad); !errors.Is(err, want) {
			t.Errorf("Ping: %v, expected %v", err, want)
		}
		if _, err := n.RequestENR(context.Background(), bad); !errors.Is(err, want) {
			t.Errorf("RequestENR: %v, expected %v", err, want)
		}
		if _, err := n.Resolve(context.Background(), bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("Resolve: %v", err)
		}
	}
	if _, err := n.ResolveID(context.Background(), enode.PubkeyID(&key)); !errors.Is(err, ErrNotFound) {
		t.Errorf("ResolveID: %v", err)
	}
	if s := fmt.Sprint(n.Self()); !strings.HasPrefix(s, "enr:") {
		t.Errorf("the own node is %s", s)
	}
}
