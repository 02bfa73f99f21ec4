package discv4

import (
	"testing"
	"time"

	"github.com/kithnet/kith/secp"
)

// hot is a machine with proven peers and a filled table, as it is under load.
type hot struct {
	*lab
	peer *actor
	ping Packet
	find Packet
	key  secp.PublicKey
	out  []Out
}

func newHot(t testing.TB) *hot {
	h := &hot{lab: newLab(t, newActor(0, "5.1.0.1:30303"), nil), peer: newActor(1, "5.1.1.1:30303")}
	h.start()
	h.bond(h.peer)
	h.bond(crowd(100, 60)...)
	h.key = h.peer.node.PublicKey()
	exp := uint64(h.now.Add(Expiration).Unix())
	h.ping = h.peer.ping()
	h.ping.Expiration = exp
	h.find = Packet{Kind: Findnode, Target: newActor(999, "6.6.6.6:1").node.PublicKey(), Expiration: exp}
	for _, p := range []*Packet{&h.ping, &h.find} {
		var q Packet
		if drop := q.Parse(p.Encode(nil, h.peer.key)); drop != DropNone {
			t.Fatal(drop)
		}
		*p = q
	}
	h.out = make([]Out, 0, 64)
	return h
}

// handle is what the driver does under its lock.
func (h *hot) handle(p *Packet) {
	h.m.Advance(h.now)
	if v := h.m.Admit(h.peer.at, p, false); !v.Known {
		h.Fatalf("%v: %+v", p.Kind, v)
	}
	if drop := h.m.HandlePacket(h.peer.at, &h.key, p); drop != DropNone {
		h.Fatalf("%v: %v", p.Kind, drop)
	}
	h.out = h.m.Flush(h.out[:0])
}

func budget(t *testing.T, name string, most float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(200, f); got > most {
		t.Errorf("%s: %v allocations, at most %v", name, got, most)
	} else {
		t.Logf("%s: %v allocations", name, got)
	}
}

// TestAllocations holds the packet path to its budgets. What secp itself
// allocates is not counted: that depends on its backend.
func TestAllocations(t *testing.T) {
	h := newHot(t)
	raw := make(map[Kind][]byte)
	for _, p := range samplePackets() {
		raw[p.Kind] = p.Encode(nil, testKey(7))
	}
	var p Packet
	for kind, data := range raw {
		budget(t, "Parse "+kind.String(), 0, func() { p.Parse(data) })
	}
	hash := secp.Keccak256(raw[Ping][headSize-1:])
	sig := secp.Signature(raw[Ping][hashSize : headSize-1])
	recovery := testing.AllocsPerRun(200, func() { secp.Recover(&hash, &sig) })
	p.Parse(raw[Ping])
	budget(t, "Open PING", recovery, func() { p.Open(nil) })

	fresh := uint64(h.now.Unix()) + 20
	stranger := newActor(2, "77.1.1.1:30303").at
	for _, q := range []Packet{{Kind: Ping}, {Kind: Pong, Expiration: fresh}, {Kind: Findnode, Expiration: fresh},
		{Kind: Neighbors, Expiration: fresh}, {Kind: ENRRequest, Expiration: fresh}, {Kind: ENRResponse}} {
		budget(t, "refused "+q.Kind.String(), 0, func() {
			if h.m.Admit(stranger, &q, false).Drop == DropNone {
				t.Fatal("let through")
			}
		})
	}
	budget(t, "bonded PING", 0, func() { h.handle(&h.ping) })
	budget(t, "FINDNODE", 1, func() { h.handle(&h.find) })
	if h.handle(&h.find); len(h.out) != 2 {
		t.Errorf("FINDNODE is answered by %d packets", len(h.out))
	}

	key := testKey(7)
	sign := testing.AllocsPerRun(200, func() { key.Sign(&hash) })
	buf := make([]byte, 0, MaxPacketSize)
	for _, q := range samplePackets() {
		budget(t, "Encode "+q.Kind.String(), sign, func() { q.Encode(buf, key) })
	}
}

// TestStrangerAllocations: what a PING of a stranger costs is bounded too.
func TestStrangerAllocations(t *testing.T) {
	l := newLimitedLab(t, Limits{NewPerSecond: 1 << 20, NewPerNetwork: 1 << 20})
	a := newActor(1, "5.1.1.1:30303")
	p := a.ping()
	p.Expiration = uint64(l.now.Unix()) + 20
	key := a.node.PublicKey()
	var q Packet
	q.Parse(p.Encode(nil, a.key))
	out := make([]Out, 0, 8)
	budget(t, "PING of a stranger", 4, func() {
		l.now = l.now.Add(time.Second) // the PING back has timed out
		l.m.Advance(l.now)
		l.m.HandlePacket(a.at, &key, &q)
		if out = l.m.Flush(out[:0]); len(out) != 2 {
			t.Fatal(kinds(out))
		}
	})
}
