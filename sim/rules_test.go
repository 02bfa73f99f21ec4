package sim

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// rogue asks everybody for things in the name of an address where nobody is, and in its
// own name tells of nodes that never were.
type rogue struct{ name netip.AddrPort }

func (r rogue) Start(h *Host) { h.WakeAt(h.Clock()) }

func (r rogue) Wake(h *Host) {
	o := h.World().Hosts()[h.Rand().IntN(len(h.World().Hosts()))]
	h.SendFrom(r.name, o.Addr(), &discv4.Packet{Kind: discv4.Ping, From: r.name, SenderTCP: 1, To: o.Addr()})
	h.SendFrom(r.name, o.Addr(), &discv4.Packet{Kind: discv4.Findnode})
	h.Ping(o.Addr())
	h.WakeAt(h.Clock().Add(50 * time.Millisecond))
}

func (r rogue) Packet(h *Host, from netip.AddrPort, _ *secp.PublicKey, p *discv4.Packet) {
	switch p.Kind {
	case discv4.Ping:
		h.Pong(from, p)
	case discv4.Findnode:
		var key secp.PublicKey
		for i := range key {
			key[i] = byte(h.Rand().Uint32())
		}
		dead := netip.AddrFrom4([4]byte{198, 18, key[0], key[1]})
		h.Neighbors(from, []*enode.Node{enode.NewV4(key, dead, 30303, 30303)})
	}
}

// rogue5 is a rogue that asks for challenges in the name of that address, too.
type rogue5 struct{ rogue }

func (r rogue5) Wake(h *Host) {
	o := h.World().Hosts()[h.Rand().IntN(len(h.World().Hosts()))]
	out := discv5.Out{To: o.Addr(), Dest: o.Node().ID(), Header: discv5.Header{Src: h.Node().ID()}}
	h.Send5From(r.name, &out)
	r.rogue.Wake(h)
}

// everything is a world in which all happens that a rule is about: loss, hosts that come
// and go, more hosts in one network and in one bucket than there may be, addresses
// where nobody is, and somebody who speaks in another's name. It runs for some minutes.
func everything(seed uint64, speaks func(i int) kad.Protocol, villain Agent) (*World, error) {
	w := New(Config{Seed: seed, Link: rough, Workers: 2})
	boot, err := w.Add(Node{Protocols: speaks(0)})
	if err != nil {
		return nil, err
	}
	for i := range 100 {
		n := Node{Bootnodes: []*Host{boot}, Server: &Server{MaxPeers: 10}, Protocols: speaks(i + 1)}
		switch {
		case i < 30:
			n.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), 30303)
		case i < 50:
			n.Sessions = Sessions{Up: Exponential(time.Minute), Down: Exponential(30 * time.Second)}
		case i == 50:
			n = Node{Agent: villain}
		case i < 60:
			n.Limits5.Sessions = 20
		}
		if _, err := w.Add(n); err != nil {
			return nil, err
		}
	}
	w.Probe(200 * time.Millisecond)
	if err := w.Run(4 * time.Minute); err != nil {
		return w, err
	}
	return w, w.Settle()
}

// lonely is a world where a bootnode is all that anybody knows.
func lonely(seed uint64, speaks func(i int) kad.Protocol) error {
	w := New(Config{Seed: seed})
	boot, err := w.Add(Node{Protocols: speaks(0)})
	for i := 1; i < 4 && err == nil; i++ {
		_, err = w.Add(Node{Bootnodes: []*Host{boot}, Protocols: speaks(i)})
	}
	if err != nil {
		return err
	}
	return w.Run(strandedAfter + time.Minute)
}

// nowhere is an address where nobody is.
var nowhere = netip.MustParseAddrPort("192.0.2.1:30303")

// TestRulesHold: in a world where all happens that a rule is about, none is broken. The
// mutants (mutants_test.go) break them in the same world.
func TestRulesHold(t *testing.T) {
	testRules(t, always(kad.V4), rogue{nowhere})
}

// TestRulesHoldV5 is the same in a world where some speak v4, some v5 and some both.
func TestRulesHoldV5(t *testing.T) {
	testRules(t, someOfEach, rogue5{rogue{nowhere}})
}

func testRules(t *testing.T, speaks func(i int) kad.Protocol, villain Agent) {
	t.Helper()
	w, err := everything(11, speaks, villain)
	if err == nil {
		err = lonely(12, speaks)
	}
	var broken *Broken
	if errors.As(err, &broken) {
		t.Fatalf("rule=%s: %v", broken.Rule, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events, hash %016x", w.Events(), w.Hash())
}
