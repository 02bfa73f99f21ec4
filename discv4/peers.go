package discv4

import (
	"math"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/limit"
)

const (
	// proofValid is how long an endpoint proof holds. The specification says
	// 12 hours, go-ethereum 24: the longer one serves whoever believes in it.
	proofValid = 24 * time.Hour

	// maxPeers bounds the proofs kept: the whole table many times over. Beyond
	// it one that was not heard from of late goes, and has to prove itself again.
	maxPeers = 4096

	// maxPeersPerNetwork bounds those of one network (see enode.Network), so that
	// whoever has only a few addresses, and any number of keys, can't have the
	// proofs of everybody else dropped.
	maxPeersPerNetwork = 256
)

// peerKey is what a proof is for: a node at an IP address, whatever the port.
type peerKey struct {
	id   enode.ID
	addr netip.Addr
}

// stamp is a point in time: milliseconds since the peerSet's epoch, a sixth of
// what a time.Time takes.
type stamp int32

const (
	never stamp = math.MinInt32

	// maxStamp is how far from the epoch a stamp may be: beyond it the epoch
	// moves on. All stamps that still mean something then fit on both sides.
	maxStamp = 20 * 24 * time.Hour
)

// within reports whether the stamp is less than d before now.
func (s stamp) within(d time.Duration, now stamp) bool {
	return s != never && time.Duration(now)-time.Duration(s) < d/time.Millisecond
}

// ref is a peer's number in the peerSet, 0 for none: a quarter of a pointer.
type ref uint16

// peer is a node that has proven its endpoint. There are thousands: it is kept
// at 24 bytes.
type peer struct {
	node *enode.Node // at the endpoint where it last proved itself
	pong stamp       // it answered our PING: it has proven itself
	ping stamp       // we answered its PING: we have proven ourselves

	self             ref
	nextEnd, nextNet ref // with the same hash in byEnd and byNet

	tag   uint8 // of its address's hash
	state uint8 // a bit each: latest, shared, heard; the rest counts fails
}

const (
	latest  uint8 = 1 << iota // of all at its endpoint: byEnd has it
	shared                    // the last query from its endpoint was another node's
	heard                     // from since it was last passed by for being so
	oneFail                   // times the PINGs in a row that it did not answer

	maxFails = int(math.MaxUint8 / oneFail)
)

func (p *peer) is(bit uint8) bool { return p.state&bit != 0 }

func (p *peer) set(bit uint8, on bool) {
	if p.state &^= bit; on {
		p.state |= bit
	}
}

// fails returns how many PINGs in a row it did not answer, maxFails at most.
func (p *peer) fails() int { return int(p.state / oneFail) }

func (p *peer) setFails(n int) { p.state = p.state%oneFail + uint8(min(max(n, 0), maxFails))*oneFail }

func (p *peer) addr() netip.Addr     { return p.node.IP() }
func (p *peer) from() netip.AddrPort { return netip.AddrPortFrom(p.node.IP(), p.node.UDP()) }
func (p *peer) key() peerKey         { return peerKey{p.node.ID(), p.node.IP()} }

func (p *peer) proven(now stamp) bool { return p.pong.within(proofValid, now) }

// knowsUs reports whether the peer has a recent proof of this node's endpoint.
func (p *peer) knowsUs(now stamp) bool { return p.ping.within(proofValid, now) }

// peerSet holds the proofs, by endpoint and by network. A node at an address is
// nearly always at the endpoint where it is looked for; where it isn't, those of
// its /24 or /48 are looked through, by tags.
type peerSet struct {
	size  int
	limit int
	slabs []*[slabSize]peer
	rates []*[slabSize]limit.Bucket // their shares while this node is busy, made when it first is
	free  ref                       // the first without a proof, chained by nextEnd
	byEnd []ref                     // by hash of the endpoint: the latest to prove itself there
	byNet []ref                     // by hash of the network, or of a local address itself
	hand  ref                       // the next to be looked at when one is to go

	seed  uint64
	epoch time.Time // stamp 0
}

// slabSize is how many peers are made at once: few, since most nodes know few,
// and a peer must stay where it is.
const slabSize = 32

// proofs returns how many proofs to keep.
func proofs(l Limits) int {
	if l.Proofs <= 0 {
		return maxPeers
	}
	return min(l.Proofs, maxPeers)
}

func (s *peerSet) init(seed uint64, limit int) {
	s.seed = seed
	s.limit = limit
	s.byEnd, s.byNet = make([]ref, minHeads), make([]ref, minHeads)
}

// stamp returns the stamp of a time; never for the zero time, and for one too
// long ago to mean anything.
func (s *peerSet) stamp(t time.Time) stamp {
	if t.IsZero() {
		return never
	}
	if s.epoch.IsZero() {
		s.epoch = t
	}
	d := t.Sub(s.epoch)
	if d > maxStamp {
		s.rebase(d)
		d = 0
	}
	if d < -maxStamp {
		return never
	}
	return stamp(d / time.Millisecond)
}

// rebase moves the epoch by d.
func (s *peerSet) rebase(d time.Duration) {
	s.epoch = s.epoch.Add(d)
	for p := range s.all {
		for _, at := range []*stamp{&p.pong, &p.ping} {
			if moved := time.Duration(*at)*time.Millisecond - d; *at != never && moved > -maxStamp {
				*at = stamp(moved / time.Millisecond)
			} else {
				*at = never
			}
		}
	}
}

func (s *peerSet) time(at stamp) time.Time {
	if at == never {
		return time.Time{}
	}
	return s.epoch.Add(time.Duration(at) * time.Millisecond)
}

// peer returns the peer that a ref stands for.
func (s *peerSet) peer(r ref) *peer {
	if r == 0 {
		return nil
	}
	return &s.slabs[(r-1)/slabSize][(r-1)%slabSize]
}

// all calls f with each peer.
func (s *peerSet) all(f func(*peer) bool) {
	for _, slab := range s.slabs {
		for i := range slab {
			if p := &slab[i]; p.node != nil && !f(p) {
				return
			}
		}
	}
}

// rate returns p's share while this node is busy.
func (s *peerSet) rate(p *peer) *limit.Bucket {
	i, j := (p.self-1)/slabSize, (p.self-1)%slabSize
	for len(s.rates) <= int(i) {
		s.rates = append(s.rates, new([slabSize]limit.Bucket))
	}
	return &s.rates[i][j]
}

// get returns the proof for a node at an address, nil if there is none. It is
// likely to be at this port.
func (s *peerSet) get(key peerKey, port uint16) *peer {
	if p := s.at(netip.AddrPortFrom(key.addr, port)); p != nil && p.node.ID() == key.id {
		return p
	}
	p := s.peer(*s.netOf(key.addr))
	if p == nil {
		return nil // as for most strangers
	}
	for tag := s.tag(key.addr); p != nil; p = s.peer(p.nextNet) {
		if p.tag == tag && p.node.ID() == key.id && p.addr() == key.addr {
			return p
		}
	}
	return nil
}

// has reports whether there is a proof for any node at an address.
func (s *peerSet) has(addr netip.Addr) bool {
	p := s.peer(*s.netOf(addr))
	if p == nil {
		return false
	}
	for tag := s.tag(addr); p != nil; p = s.peer(p.nextNet) {
		if p.tag == tag && p.addr() == addr {
			return true
		}
	}
	return false
}

// at returns the node that was the latest to prove itself at an endpoint.
func (s *peerSet) at(from netip.AddrPort) *peer {
	p := s.peer(*s.endOf(from))
	if p == nil {
		return nil
	}
	for tag := s.tag(from.Addr()); p != nil && (p.tag != tag || p.from() != from); {
		p = s.peer(p.nextEnd)
	}
	return p
}

// add returns the peer for n's endpoint, making it if it is not there.
func (s *peerSet) add(n *enode.Node) *peer {
	p := s.get(peerKey{n.ID(), n.IP()}, n.UDP())
	if p != nil {
		s.move(p, n)
		return p
	}
	if s.size >= s.limit {
		s.remove(s.leastHeard())
	}
	s.makeRoom(n.IP())
	s.reindex(s.size + 1)
	p = s.take()
	*p = peer{node: n, pong: never, ping: never, self: p.self, tag: s.tag(n.IP())}
	s.size++
	head := s.netOf(p.addr())
	p.nextNet, *head = *head, p.self
	s.settle(p)
	return p
}

// makeRoom holds an address's network to its bound.
func (s *peerSet) makeRoom(addr netip.Addr) {
	net, limited := enode.Network(addr)
	if !limited {
		return
	}
	n := 0
	var least *peer
	for p := s.peer(*s.netOf(addr)); p != nil; p = s.peer(p.nextNet) {
		if net.Contains(p.addr()) {
			if n++; least == nil || !least.heardAfter(p) {
				least = p
			}
		}
	}
	if n >= maxPeersPerNetwork {
		s.remove(least)
	}
}

// heardAfter reports whether p was heard from after another, as far as that is known.
func (p *peer) heardAfter(o *peer) bool {
	if p.is(heard) != o.is(heard) {
		return p.is(heard)
	}
	return max(p.pong, p.ping) > max(o.pong, o.ping)
}

// leastHeard returns one that was not heard from since the hand passed it the last
// time. There must be a peer.
func (s *peerSet) leastHeard() *peer {
	for {
		if s.hand++; int(s.hand) > len(s.slabs)*slabSize {
			s.hand = 1
		}
		switch p := s.peer(s.hand); {
		case p.node == nil:
		case p.is(heard):
			p.set(heard, false)
		default:
			return p
		}
	}
}

// take returns a peer that is not in use.
func (s *peerSet) take() *peer {
	if s.free == 0 {
		first := ref(len(s.slabs) * slabSize)
		made := new([slabSize]peer)
		for i := range made {
			made[i].self, made[i].nextEnd = first+ref(i)+1, first+ref(i)+2
		}
		made[slabSize-1].nextEnd = 0
		s.slabs = append(s.slabs, made)
		s.free = first + 1
	}
	p := s.peer(s.free)
	s.free = p.nextEnd
	return p
}

// move notes that p was heard from at n's endpoint.
func (s *peerSet) move(p *peer, n *enode.Node) {
	if n.Seq() < p.node.Seq() {
		n = p.node.WithEndpoint(n.IP(), n.UDP())
	}
	if n.UDP() != p.node.UDP() {
		s.leave(p)
	}
	p.node = n
	s.settle(p)
	p.set(heard, true)
}

// settle makes p the one that is found at its endpoint.
func (s *peerSet) settle(p *peer) {
	if p.is(latest) {
		return
	}
	if other := s.at(p.from()); other != nil {
		s.leave(other)
	}
	p.set(latest, true)
	head := s.endOf(p.from())
	p.nextEnd, *head = *head, p.self
}

// leave is the opposite of settle.
func (s *peerSet) leave(p *peer) {
	if !p.is(latest) {
		return
	}
	p.set(latest, false)
	at := s.endOf(p.from())
	for *at != p.self {
		at = &s.peer(*at).nextEnd
	}
	*at, p.nextEnd = p.nextEnd, 0
}

func (s *peerSet) remove(p *peer) {
	s.leave(p)
	at := s.netOf(p.addr())
	for *at != p.self {
		at = &s.peer(*at).nextNet
	}
	*at = p.nextNet
	s.size--
	if len(s.rates) > 0 {
		*s.rate(p) = limit.Bucket{}
	}
	*p = peer{self: p.self, nextEnd: s.free}
	s.free = p.self
}
