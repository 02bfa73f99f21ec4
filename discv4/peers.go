package discv4

import (
	"math"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// proofValid is how long an endpoint proof holds. The specification says
	// 12 hours, go-ethereum 24: the longer one serves whoever believes in it.
	proofValid = 24 * time.Hour

	// maxPeers bounds the proofs kept: the whole table many times over. Beyond
	// it the one heard from longest ago goes, and has to prove itself again.
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
// at 32 bytes.
type peer struct {
	node *enode.Node // at the endpoint where it last proved itself
	pong stamp       // it answered our PING: it has proven itself
	ping stamp       // we answered its PING: we have proven ourselves

	self             ref
	newer, older     ref // by last contact
	nextEnd, nextNet ref // with the same hash in byEnd and byNet

	fails   uint8 // PINGs in a row that it did not answer, 255 at most
	addrTag uint8 // of its address's hash
	idTag   uint8 // the last byte of its ID
	shared  bool  // the last query from its endpoint was another node's
	latest  bool  // of all at its endpoint: byEnd has it
}

func (p *peer) addr() netip.Addr     { return p.node.IP() }
func (p *peer) from() netip.AddrPort { return netip.AddrPortFrom(p.node.IP(), p.node.UDP()) }
func (p *peer) key() peerKey         { return peerKey{p.node.ID(), p.node.IP()} }

func (p *peer) proven(now stamp) bool { return p.pong.within(proofValid, now) }

// knowsUs reports whether the peer has a recent proof of this node's endpoint.
func (p *peer) knowsUs(now stamp) bool { return p.ping.within(proofValid, now) }

// failed counts a PING that it did not answer.
func (p *peer) failed() { p.fails = max(p.fails, p.fails+1) }

// peerSet holds the proofs, by endpoint and by network. A node at an address is
// nearly always at the endpoint where it is looked for; where it isn't, those of
// its /24 or /48 are looked through, by tags.
type peerSet struct {
	size   int
	limit  int
	slabs  []*[slabSize]peer
	rates  []*[slabSize]bucket // their shares while this node is busy, made when it first is
	free   ref                 // the first without a proof, chained by nextEnd
	byEnd  []ref               // by hash of the endpoint: the latest to prove itself there
	byNet  []ref               // by hash of the network, or of a local address itself
	newest ref
	oldest ref

	seed  uint64
	epoch time.Time // stamp 0
}

// slabSize is how many peers are made at once: few, since most nodes know few,
// and a peer must stay where it is.
const slabSize = 32

func idTag(id enode.ID) uint8 { return id[len(id)-1] }

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
	for p := s.peer(s.oldest); p != nil; p = s.peer(p.newer) {
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

// rate returns p's share while this node is busy.
func (s *peerSet) rate(p *peer) *bucket {
	i, j := (p.self-1)/slabSize, (p.self-1)%slabSize
	for len(s.rates) <= int(i) {
		s.rates = append(s.rates, new([slabSize]bucket))
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
	for tag := s.addrTag(key.addr); p != nil; p = s.peer(p.nextNet) {
		if p.addrTag == tag && p.idTag == idTag(key.id) && p.node.ID() == key.id && p.addr() == key.addr {
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
	for tag := s.addrTag(addr); p != nil; p = s.peer(p.nextNet) {
		if p.addrTag == tag && p.addr() == addr {
			return true
		}
	}
	return false
}

// at returns the node that was the latest to prove itself at an endpoint.
func (s *peerSet) at(from netip.AddrPort) *peer {
	p := s.peer(*s.endOf(from))
	for p != nil && p.from() != from {
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
		s.remove(s.peer(s.oldest))
	}
	s.makeRoom(n.IP())
	p = s.take()
	*p = peer{node: n, pong: never, ping: never, self: p.self, idTag: idTag(n.ID())}
	s.size++
	s.reindex()
	head := s.netOf(p.addr())
	p.addrTag = s.addrTag(p.addr())
	p.nextNet, *head = *head, p.self
	s.pushNewest(p)
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
	head := s.netOf(addr)
	for p := s.peer(*head); p != nil; p = s.peer(p.nextNet) {
		if net.Contains(p.addr()) {
			n++
		}
	}
	if n >= maxPeersPerNetwork {
		s.remove(s.oldestIn(net))
	}
}

func (s *peerSet) oldestIn(net netip.Prefix) *peer {
	p := s.peer(s.oldest)
	for !net.Contains(p.addr()) { // it counts some, so there is one
		p = s.peer(p.newer)
	}
	return p
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
	s.touch(p)
}

// settle makes p the one that is found at its endpoint.
func (s *peerSet) settle(p *peer) {
	if p.latest {
		return
	}
	if other := s.at(p.from()); other != nil {
		s.leave(other)
	}
	p.latest = true
	head := s.endOf(p.from())
	p.nextEnd, *head = *head, p.self
}

// leave is the opposite of settle.
func (s *peerSet) leave(p *peer) {
	if !p.latest {
		return
	}
	p.latest = false
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
	s.unlink(p)
	s.size--
	if len(s.rates) > 0 {
		*s.rate(p) = bucket{}
	}
	*p = peer{self: p.self, nextEnd: s.free}
	s.free = p.self
}

// touch makes p the newest.
func (s *peerSet) touch(p *peer) {
	if s.newest != p.self {
		s.unlink(p)
		s.pushNewest(p)
	}
}

func (s *peerSet) pushNewest(p *peer) {
	p.newer, p.older = 0, s.newest
	if s.newest != 0 {
		s.peer(s.newest).newer = p.self
	} else {
		s.oldest = p.self
	}
	s.newest = p.self
}

func (s *peerSet) unlink(p *peer) {
	if p.newer != 0 {
		s.peer(p.newer).older = p.older
	} else {
		s.newest = p.older
	}
	if p.older != 0 {
		s.peer(p.older).newer = p.newer
	} else {
		s.oldest = p.newer
	}
	p.newer, p.older = 0, 0
}
