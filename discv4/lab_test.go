package discv4

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// epoch is when tests begin. It has no monotonic part.
var epoch = time.Unix(1_700_000_000, 0)

// actor is a key at an endpoint: a node that a test plays by hand, or the
// identity of a machine.
type actor struct {
	key  *secp.PrivateKey
	node *enode.Node // with a record
	at   netip.AddrPort
	seq  uint64 // of the record that its packets announce; 0: none
}

func testKey(i int) *secp.PrivateKey {
	var b [32]byte
	binary.BigEndian.PutUint64(b[24:], uint64(i)+1)
	key, err := secp.ParsePrivateKey(b[:])
	if err != nil {
		panic(err)
	}
	return key
}

func signRecord(key *secp.PrivateKey, at netip.AddrPort, seq uint64) *enode.Node {
	var b enr.Builder
	b.SetIP(at.Addr())
	if at.Addr().Is4() {
		b.SetUDP(at.Port()).SetTCP(at.Port())
	} else {
		b.SetUDP6(at.Port()).SetTCP6(at.Port())
	}
	r, err := b.Sign(key, seq)
	if err != nil {
		panic(err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		panic(err)
	}
	return n
}

// newActor returns the i-th actor, at an endpoint such as "5.1.1.1:30303".
func newActor(i int, at string) *actor {
	ep := netip.MustParseAddrPort(at)
	key := testKey(i)
	return &actor{key: key, node: signRecord(key, ep, 1), at: ep}
}

// bare is the actor's node as packets tell of it, without the record.
func (a *actor) bare() *enode.Node {
	return enode.NewV4(a.key.Public(), a.at.Addr(), a.at.Port(), a.at.Port())
}

// moved is the same key at another endpoint.
func (a *actor) moved(at string) *actor {
	b := *a
	b.at = netip.MustParseAddrPort(at)
	return &b
}

func (a *actor) ping() Packet {
	return Packet{Kind: Ping, From: a.at, SenderTCP: a.at.Port(), Seq: a.seq}
}

func (a *actor) pong(o Out) Packet {
	return Packet{Kind: Pong, Token: o.Packet.Hash, To: o.Packet.From, Seq: a.seq}
}

// lab is one machine in the hands of a test, at virtual time.
type lab struct {
	testing.TB
	*actor
	m      *Machine
	now    time.Time
	verify bool // sign and recover for real
	seen   []netip.AddrPort
}

func newLab(t testing.TB, a *actor, change func(*Config)) *lab {
	l := &lab{TB: t, actor: a, now: epoch, verify: true}
	c := Config{
		ID:   a.node.ID(),
		Self: func() *enode.Node { return l.node },
		Rand: rand.New(rand.NewPCG(1, uint64(a.at.Port()))),
		Seen: func(_ netip.Addr, ep netip.AddrPort) { l.seen = append(l.seen, ep) },
	}
	if change != nil {
		change(&c)
	}
	l.m = New(c)
	return l
}

// start runs the first Advance and returns what it sends.
func (l *lab) start() []Out { return l.wait(0) }

// wait lets time pass, with an Advance whenever one is due.
func (l *lab) wait(d time.Duration) (out []Out) {
	end := l.now.Add(d)
	for {
		l.m.Advance(l.now)
		out = append(out, l.flush()...)
		next := l.m.NextWake()
		if !next.After(l.now) {
			next = l.now.Add(1)
		}
		if l.now.Equal(end) {
			return out
		}
		if l.now = next; next.After(end) {
			l.now = end
		}
	}
}

// flush encodes what the machine sends, as a driver does.
func (l *lab) flush() []Out {
	out := l.m.Flush(nil)
	for i := range out {
		l.encode(&out[i].Packet)
		l.m.Sent(&out[i])
	}
	return out
}

// encode signs p, or puts the signer's key in the place of the signature.
func (a *actor) sign(p *Packet, verify bool) []byte {
	if verify {
		return p.Encode(nil, a.key)
	}
	b := make([]byte, headSize)
	pub := a.key.Public()
	copy(b[hashSize:], pub[:])
	b[headSize-1] = byte(p.Kind)
	b = p.appendData(b)
	p.Hash = secp.Keccak256(b[hashSize:])
	copy(b, p.Hash[:])
	return b
}

func (l *lab) encode(p *Packet) []byte { return l.actor.sign(p, l.verify) }

// packet gives the machine a packet of a's, in the way of a driver, and returns
// its verdict and what it sends. A zero expiration is set.
func (l *lab) packet(a *actor, p Packet) (Drop, []Out) {
	l.Helper()
	if p.Expiration == 0 && p.Kind != ENRResponse {
		p.Expiration = uint64(l.now.Add(Expiration).Unix())
	}
	return l.datagram(a.at, a.sign(&p, l.verify), false)
}

// datagram gives the machine raw bytes.
func (l *lab) datagram(from netip.AddrPort, data []byte, busy bool) (Drop, []Out) {
	l.m.Advance(l.now)
	drop := l.take(from, data, busy)
	return drop, l.flush()
}

func (l *lab) take(from netip.AddrPort, data []byte, busy bool) Drop {
	var p Packet
	drop := l.m.AdmitSource(from)
	if drop == DropNone {
		drop = p.Parse(data)
	}
	if drop != DropNone {
		l.m.Drop(drop, 1)
		return drop
	}
	v := l.m.Admit(from, &p, busy)
	if v.Drop != DropNone {
		return v.Drop
	}
	key, drop := l.open(&p, v.Likely)
	if drop != DropNone {
		l.m.Drop(drop, 1)
		return drop
	}
	return l.m.HandlePacket(from, &key, &p)
}

func (l *lab) open(p *Packet, likely *enode.Node) (key secp.PublicKey, drop Drop) {
	if l.verify {
		return p.Open(likely)
	}
	key = secp.PublicKey(p.raw[hashSize:])
	var err error
	switch p.Kind {
	case Neighbors:
		p.Nodes, err = readNodes(p.body)
	case ENRResponse:
		if p.Record, err = enr.Decode(p.body); err == nil {
			p.Node, err = enode.FromRecord(p.Record)
		}
	}
	if err != nil {
		return key, DropMalformed
	}
	return key, DropNone
}

// expect gives the machine a packet that it must treat as want.
func (l *lab) expect(want Drop, a *actor, p Packet) []Out {
	l.Helper()
	drop, out := l.packet(a, p)
	if drop != want {
		l.Fatalf("%v from %v: %v, want %v", p.Kind, a.at, drop, want)
	}
	return out
}

// silent is expect for a packet that must not be answered.
func (l *lab) silent(want Drop, a *actor, p Packet) {
	l.Helper()
	if out := l.expect(want, a, p); len(out) != 0 {
		l.Fatalf("%v from %v was answered: %v", p.Kind, a.at, kinds(out))
	}
}

// bond has a and the machine prove their endpoints to each other.
func (l *lab) bond(actors ...*actor) {
	l.Helper()
	for _, a := range actors {
		out := l.expect(DropNone, a, a.ping())
		ping := only(l, to(a, out), Ping)
		l.expect(DropNone, a, a.pong(ping))
		if l.m.peers.get(peerKey{a.node.ID(), a.at.Addr()}, a.at.Port()) == nil {
			l.Fatalf("no proof of %v", a.at)
		}
	}
}

// closed closes the machine and checks that nothing is left of its calls.
func (l *lab) closed() {
	l.Helper()
	l.m.Close()
	if err := checkEmpty(l.m); err != nil {
		l.Fatalf("after Close: %v", err)
	}
}

func kinds(out []Out) (k []Kind) {
	for _, o := range out {
		k = append(k, o.Packet.Kind)
	}
	return k
}

// to returns the packets that go to an actor's endpoint.
func to(a *actor, out []Out) (list []Out) {
	for _, o := range out {
		if o.To == a.at {
			list = append(list, o)
		}
	}
	return list
}

func ofKind(out []Out, kind Kind) (list []Out) {
	for _, o := range out {
		if o.Packet.Kind == kind {
			list = append(list, o)
		}
	}
	return list
}

// only returns the one packet of a kind.
func only(t testing.TB, out []Out, kind Kind) Out {
	t.Helper()
	list := ofKind(out, kind)
	if len(list) != 1 {
		t.Fatalf("%d packets %v among %v, want one", len(list), kind, kinds(out))
	}
	return list[0]
}

// result is where a done function leaves its outcome.
type result[T any] struct {
	calls int
	value T
	err   error
}

func (r *result[T]) done(v T, err error) {
	r.calls++
	r.value, r.err = v, err
}

// is fails the test unless done was called once, with this error.
func (r *result[T]) is(t testing.TB, want error) {
	t.Helper()
	if r.calls != 1 || r.err != want {
		t.Fatalf("done called %d times, error %v, want once with %v", r.calls, r.err, want)
	}
}

func (l *lab) findnode(a *actor) *result[[]*enode.Node] {
	r := new(result[[]*enode.Node])
	l.m.Advance(l.now)
	l.m.Findnode(a.bare(), kad.TargetOf(a.node.PublicKey()), r.done)
	return r
}

func (l *lab) requestENR(a *actor) *result[*enode.Node] {
	r := new(result[*enode.Node])
	l.m.Advance(l.now)
	l.m.RequestENR(a.bare(), r.done)
	return r
}

func (l *lab) pingNode(n *enode.Node) *result[PingResult] {
	r := new(result[PingResult])
	l.m.Advance(l.now)
	l.m.Ping(n, r.done)
	return r
}
