package discmux

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

var (
	errV4 = errors.New("no answer by v4")
	errV5 = errors.New("no answer by v5")
)

var labStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// side is a transport in the hands of a test: its questions wait for their outcome.
type side struct {
	lab     *lab
	via     kad.Protocol
	waiting []asked
	silent  bool // it leaves it to the Mux to tell the table of answers
}

// asked is a question, by its node and kind, and how it ends.
type asked struct {
	kind kind
	node *enode.Node
	end  func(answer, error)
}

func (s *side) ask(k kind, n *enode.Node, end func(answer, error)) {
	s.lab.log = append(s.lab.log, s.via)
	s.waiting = append(s.waiting, asked{k, n, end})
}

func (s *side) Ping(n *enode.Node, done func(uint64, error)) {
	s.ask(ping, n, func(a answer, err error) { done(a.seq, err) })
}

func (s *side) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	s.ask(record, n, func(a answer, err error) { done(a.node, err) })
}

func (s *side) Findnode(n *enode.Node, _ kad.Target, done func([]*enode.Node, error)) {
	s.ask(nodes, n, func(a answer, err error) { done(a.nodes, err) })
}

// end gives the i-th question its outcome.
func (s *side) end(i int, a answer, err error) {
	q := s.waiting[i]
	s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
	if err == nil && !s.silent {
		s.lab.table.AddLive(q.node, s.via)
	}
	q.end(a, err)
}

// lab is a Mux with a real table and two sides, at virtual time.
type lab struct {
	testing.TB
	m      *Mux
	table  *kad.Table
	v4, v5 *side
	now    time.Time
	rng    *rand.Rand
	log    []kad.Protocol // by which was asked, in order
	nodes  int
}

func newLab(t testing.TB) *lab {
	l := &lab{TB: t, now: labStart, rng: rand.New(rand.NewPCG(1, 1)), m: New(rand.New(rand.NewPCG(2, 2)))}
	l.v4, l.v5 = &side{lab: l, via: kad.V4}, &side{lab: l, via: kad.V5}
	self := randomKey(l.rng)
	l.table = kad.New(kad.Config{Self: enode.PubkeyID(&self), SelfKey: self, Transport: l.m, Rand: rand.New(rand.NewPCG(3, 3))})
	l.m.Connect(l.table, l.v4, l.v5)
	l.advance(0)
	return l
}

func (l *lab) advance(d time.Duration) {
	l.now = l.now.Add(d)
	l.table.Advance(l.now)
	l.m.Advance(l.now)
}

func (l *lab) side(via kad.Protocol) *side {
	if via == kad.V4 {
		return l.v4
	}
	return l.v5
}

func randomKey(rng *rand.Rand) (key secp.PublicKey) {
	for i := 0; i < len(key); i += 8 {
		binary.BigEndian.PutUint64(key[i:], rng.Uint64())
	}
	return key
}

// unknown makes a node without a record, in a network of its own.
func (l *lab) unknown() *enode.Node {
	l.nodes++
	ip := netip.AddrFrom4([4]byte{20, byte(l.nodes >> 8), byte(l.nodes), 1})
	return enode.NewV4(randomKey(l.rng), ip, 30303, 30303)
}

// recorded makes a node with a record.
func (l *lab) recorded() *enode.Node {
	l.nodes++
	var b [32]byte
	binary.BigEndian.PutUint64(b[24:], uint64(l.nodes))
	key, err := secp.ParsePrivateKey(b[:])
	if err != nil {
		l.Fatal(err)
	}
	ip := netip.AddrFrom4([4]byte{20, byte(l.nodes >> 8), byte(l.nodes), 1})
	r, err := new(enr.Builder).SetIP(ip).SetUDP(30303).Sign(key, 1)
	if err != nil {
		l.Fatal(err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		l.Fatal(err)
	}
	return n
}

// known makes a node that is in the table and speaks so.
func (l *lab) known(speaks kad.Protocol) *enode.Node {
	l.Helper()
	n := l.unknown()
	l.table.AddLive(n, speaks)
	if l.table.Speaks(n.ID()) != speaks {
		l.Fatalf("%v is not in the table", n)
	}
	return n
}

// result is where a done function leaves its outcome.
type result struct {
	calls  int
	answer answer
	err    error
}

// ask asks a question of the Mux.
func (l *lab) ask(k kind, n *enode.Node) *result {
	l.Helper()
	r := new(result)
	end := func(a answer, err error) {
		r.calls++
		r.answer, r.err = a, err
	}
	switch k {
	case ping:
		l.m.Ping(n, func(seq uint64, err error) { end(answer{seq: seq}, err) })
	case record:
		l.m.RequestENR(n, func(n *enode.Node, err error) { end(answer{node: n}, err) })
	default:
		l.m.Findnode(n, l.table.RandomTarget(), func(n []*enode.Node, err error) { end(answer{nodes: n}, err) })
	}
	if r.calls != 0 {
		l.Error("done was called from inside the call")
	}
	return r
}
