package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/peering"
)

// peersOf makes a network whose hosts connect.
func peersOf(t testing.TB, w *World, n int, s Server) {
	t.Helper()
	for range n {
		spec := Node{Server: &s}
		if len(w.hosts) > 0 {
			spec.Bootnodes = w.hosts[:1]
		}
		if _, err := w.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPeers: whom one side has as a peer has it as a peer, and nobody has too many.
func checkPeers(t testing.TB, w *World) {
	t.Helper()
	for _, h := range w.hosts {
		peers := h.Peers()
		if n := h.Peering().Peers; n != len(peers) {
			t.Errorf("host %d: %d peers, the core says %d", h.index, len(peers), n)
		}
		if len(peers) > h.Peering().MaxPeers {
			t.Errorf("host %d has %d peers", h.index, len(peers))
		}
		for _, p := range peers {
			mutual := false
			for _, back := range p.Host.Peers() {
				mutual = mutual || back.Host == h && back.Inbound != p.Inbound
			}
			if !mutual {
				t.Errorf("host %d has %d as a peer (inbound: %v), which does not", h.index, p.Host.index, p.Inbound)
			}
		}
	}
}

// TestPeers: hosts find each other and connect, within their bounds.
func TestPeers(t *testing.T) {
	w := New(Config{Seed: 11, Link: Link{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}})
	peersOf(t, w, 60, Server{MaxPeers: 12})
	run(t, w, 2*time.Minute)
	checkPeers(t, w)
	few := 0
	for _, h := range w.hosts {
		if len(h.Peers()) < 4 {
			few++
		}
	}
	if few > 0 {
		t.Errorf("%d hosts have fewer than the four peers that they may dial", few)
	}
	before := w.hosts[7].Peers()[0].Host
	w.Stop(w.hosts[7])
	run(t, w, time.Minute)
	for _, p := range before.Peers() {
		if p.Host == w.hosts[7] {
			t.Error("one that is gone is a peer a minute later")
		}
	}
}

// TestPeersReplay: connections, too, are the same with any number of workers.
func TestPeersReplay(t *testing.T) {
	hash := func(workers int, wire Wire) string {
		w := New(Config{Seed: 12, Link: rough, Workers: workers, Wire: wire})
		peersOf(t, w, 30, Server{MaxPeers: 9})
		run(t, w, 20*time.Second)
		w.Part(func(h *Host) uint8 { return uint8(h.index % 2) })
		run(t, w, time.Minute)
		for _, h := range w.hosts {
			for _, p := range h.Peers() {
				if p.Host.index%2 != h.index%2 {
					t.Errorf("host %d has %d as a peer on the other side", h.index, p.Host.index)
				}
			}
		}
		w.Heal()
		w.Stop(w.hosts[4])
		run(t, w, 20*time.Second)
		w.Start(w.hosts[4])
		run(t, w, time.Minute)
		if len(w.hosts[4].Peers()) == 0 {
			t.Error("who came back has no peers")
		}
		return fmt.Sprintf("%016x after %d events", w.Hash(), w.Events())
	}
	want := hash(1, Values)
	if got := hash(2, Values); got != want {
		t.Errorf("two workers: %s, want %s", got, want)
	}
	if testing.Short() {
		return
	}
	if got := hash(3, Bytes); got != want {
		t.Errorf("with real packets and handshakes: %s, want %s", got, want)
	}
}

// TestStaticBehindNAT: a node behind a NAT can't be dialed, but dials.
func TestStaticBehindNAT(t *testing.T) {
	w := New(Config{Seed: 13})
	open, err := w.Add(Node{Server: &Server{}})
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := w.Add(Node{NAT: NAT{Kind: PortRestricted}, Server: &Server{}})
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := w.Add(Node{Server: &Server{Static: []*Host{open, hidden}}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, time.Minute)
	if list := dialer.Peers(); len(list) != 1 || list[0].Host != open {
		t.Errorf("peers: %v", list)
	}
	if n := dialer.Peering().Refused[peering.Unreachable]; n == 0 {
		t.Error("nobody says that the node behind the NAT was not reached")
	}
}

// count is a protocol that counts up to ten, by turns.
func count(_ context.Context, peer *Session, rw p2p.MsgReadWriter, said map[int32][]uint64) error {
	ctx := context.Background()
	if !peer.Inbound() {
		if err := rw.WriteMsg(ctx, 0, nil); err != nil {
			return err
		}
	}
	for {
		m, err := rw.ReadMsg(ctx)
		if err != nil {
			return err
		}
		said[peer.Self().index] = append(said[peer.Self().index], m.Code)
		if m.Code == 10 {
			return errors.New("enough")
		}
		if err := peer.Sleep(time.Second); err != nil {
			return err
		}
		if err := rw.WriteMsg(ctx, m.Code+1, m.Payload); err != nil {
			return err
		}
	}
}

// TestProtocol: protocols take turns, wait in virtual time, and end their peer.
func TestProtocol(t *testing.T) {
	for _, wire := range []Wire{Values, Bytes} {
		testProtocol(t, wire)
	}
}

func testProtocol(t *testing.T, wire Wire) {
	said := make(map[int32][]uint64)
	proto := &Protocol{Name: "count", Version: 1, Length: 11, Run: func(ctx context.Context, peer *Session, rw p2p.MsgReadWriter) error {
		return count(ctx, peer, rw, said)
	}}
	older := &Protocol{Name: "count", Version: 0, Length: 11, Run: func(context.Context, *Session, p2p.MsgReadWriter) error {
		return errors.New("not the highest version in common")
	}}
	w := New(Config{Seed: 14, Wire: wire})
	a, err := w.Add(Node{Server: &Server{Protocols: []*Protocol{older, proto}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.Add(Node{Server: &Server{Protocols: []*Protocol{proto, older}, Static: []*Host{a}}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w, 5*time.Second)
	if len(a.Peers()) != 1 || len(b.Peers()) != 1 {
		t.Fatal("no peers")
	}
	run(t, w, 10*time.Second)
	if got := fmt.Sprint(said[a.index], said[b.index]); got != "[0 2 4 6 8 10] [1 3 5 7 9]" {
		t.Error(got)
	}
	if len(a.Peers()) != 0 || len(b.Peers()) != 0 {
		t.Error("they are peers although the protocol has ended")
	}
}

// TestProtocolPanics: one peer's protocol ends that peer.
func TestProtocolPanics(t *testing.T) {
	w := New(Config{Seed: 15})
	bad := &Protocol{Name: "bad", Length: 2, Run: func(ctx context.Context, peer *Session, rw p2p.MsgReadWriter) error {
		if _, err := rw.ReadMsg(ctx); err != nil {
			return err
		}
		panic("oops")
	}}
	good := &Protocol{Name: "bad", Length: 2, Run: func(ctx context.Context, peer *Session, rw p2p.MsgReadWriter) error {
		if err := rw.WriteMsg(ctx, 1, nil); err != nil {
			return err
		}
		_, err := rw.ReadMsg(ctx)
		return err
	}}
	a, err := w.Add(Node{Server: &Server{Protocols: []*Protocol{bad}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Add(Node{Server: &Server{Protocols: []*Protocol{good}, Static: []*Host{a}}}); err != nil {
		t.Fatal(err)
	}
	run(t, w, 5*time.Second)
	if n := len(a.Peers()); n != 0 {
		t.Errorf("%d peers", n)
	}
}
