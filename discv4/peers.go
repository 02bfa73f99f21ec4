package discv4

import (
	"encoding/binary"
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

// stamp is a point in time: nanoseconds since the peerSet's first one, a third
// of what a time.Time takes.
type stamp int64

const never stamp = math.MinInt64

// within reports whether the stamp is less than d before now.
func (s stamp) within(d time.Duration, now stamp) bool { return s != never && now-s < stamp(d) }

// peer is a node that has proven its endpoint. There are thousands: it is kept
// small.
type peer struct {
	node  *enode.Node // at the endpoint where it last proved itself
	pong  stamp       // it answered our PING: it has proven itself
	ping  stamp       // we answered its PING: we have proven ourselves
	rate  bucket      // its share while this node is busy
	fails int32       // PINGs in a row that it did not answer

	shared bool // the last query from its endpoint was another node's
	latest bool // of all at its endpoint: byFrom has it

	newer, older     *peer // by last contact
	nextKey, nextEnd *peer // with the same hash in byKey and byFrom
}

func (p *peer) addr() netip.Addr     { return p.node.IP() }
func (p *peer) from() netip.AddrPort { return netip.AddrPortFrom(p.node.IP(), p.node.UDP()) }
func (p *peer) key() peerKey         { return peerKey{p.node.ID(), p.node.IP()} }

func (p *peer) proven(now stamp) bool { return p.pong.within(proofValid, now) }

// knowsUs reports whether the peer has a recent proof of this node's endpoint.
func (p *peer) knowsUs(now stamp) bool { return p.ping.within(proofValid, now) }

// peerSet holds the proofs, by node and by endpoint.
type peerSet struct {
	size   int
	byKey  map[uint64]*peer   // by hash of ID and address
	byFrom map[uint64]*peer   // by hash of the endpoint: the latest to prove itself there
	byAddr map[netip.Addr]int // number of proofs for an address
	byNet  map[netip.Prefix]int
	newest *peer
	oldest *peer

	seed  uint64
	epoch time.Time // stamp 0
}

func (s *peerSet) init(seed uint64) {
	s.seed = seed
	s.byKey = make(map[uint64]*peer)
	s.byFrom = make(map[uint64]*peer)
	s.byAddr = make(map[netip.Addr]int)
	s.byNet = make(map[netip.Prefix]int)
}

// stamp returns the stamp of a time; never for the zero time.
func (s *peerSet) stamp(t time.Time) stamp {
	if t.IsZero() {
		return never
	}
	if s.epoch.IsZero() {
		s.epoch = t
	}
	return stamp(t.Sub(s.epoch))
}

func (s *peerSet) time(at stamp) time.Time {
	if at == never {
		return time.Time{}
	}
	return s.epoch.Add(time.Duration(at))
}

func (s *peerSet) hashKey(key peerKey) uint64 {
	return addrHash(s.seed, key.addr, binary.LittleEndian.Uint64(key.id[:]))
}

func (s *peerSet) hashFrom(from netip.AddrPort) uint64 {
	return addrHash(s.seed, from.Addr(), uint64(from.Port()))
}

// get returns the proof for a node at an address, nil if there is none.
func (s *peerSet) get(key peerKey) *peer {
	p := s.byKey[s.hashKey(key)]
	for p != nil && p.key() != key {
		p = p.nextKey
	}
	return p
}

// at returns the node that was the latest to prove itself at an endpoint.
func (s *peerSet) at(from netip.AddrPort) *peer {
	p := s.byFrom[s.hashFrom(from)]
	for p != nil && p.from() != from {
		p = p.nextEnd
	}
	return p
}

// add returns the peer for n's endpoint, making it if it is not there.
func (s *peerSet) add(n *enode.Node) *peer {
	key := peerKey{n.ID(), n.IP()}
	p := s.get(key)
	if p != nil {
		s.move(p, n)
		return p
	}
	if s.size >= maxPeers {
		s.remove(s.oldest)
	}
	if net, limited := enode.Network(key.addr); limited {
		if s.byNet[net] >= maxPeersPerNetwork {
			s.remove(s.oldestIn(net))
		}
		s.byNet[net]++
	}
	p = &peer{node: n, pong: never, ping: never}
	chain(s.byKey, s.hashKey(key), p, nextKey)
	s.size++
	s.byAddr[key.addr]++
	s.pushNewest(p)
	s.settle(p)
	return p
}

func (s *peerSet) oldestIn(net netip.Prefix) *peer {
	p := s.oldest
	for !net.Contains(p.addr()) { // it counts some, so there is one
		p = p.newer
	}
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
	chain(s.byFrom, s.hashFrom(p.from()), p, nextEnd)
}

// leave is the opposite of settle.
func (s *peerSet) leave(p *peer) {
	if p.latest {
		p.latest = false
		unchain(s.byFrom, s.hashFrom(p.from()), p, nextEnd)
	}
}

func (s *peerSet) remove(p *peer) {
	s.leave(p)
	unchain(s.byKey, s.hashKey(p.key()), p, nextKey)
	s.size--
	decrement(s.byAddr, p.addr())
	if net, limited := enode.Network(p.addr()); limited {
		decrement(s.byNet, net)
	}
	s.unlink(p)
}

func nextKey(p *peer) **peer { return &p.nextKey }
func nextEnd(p *peer) **peer { return &p.nextEnd }

// chain puts p at the head of those with a hash.
func chain(heads map[uint64]*peer, hash uint64, p *peer, next func(*peer) **peer) {
	*next(p) = heads[hash]
	heads[hash] = p
}

// unchain takes p, which is there, out of those with a hash.
func unchain(heads map[uint64]*peer, hash uint64, p *peer, next func(*peer) **peer) {
	head := heads[hash]
	at := &head
	for *at != p {
		at = next(*at)
	}
	*at, *next(p) = *next(p), nil
	if head == nil {
		delete(heads, hash)
	} else {
		heads[hash] = head
	}
}

func decrement[K comparable](counts map[K]int, k K) {
	if counts[k]--; counts[k] <= 0 {
		delete(counts, k)
	}
}

// touch makes p the newest.
func (s *peerSet) touch(p *peer) {
	if s.newest != p {
		s.unlink(p)
		s.pushNewest(p)
	}
}

func (s *peerSet) pushNewest(p *peer) {
	p.newer, p.older = nil, s.newest
	if s.newest != nil {
		s.newest.newer = p
	} else {
		s.oldest = p
	}
	s.newest = p
}

func (s *peerSet) unlink(p *peer) {
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.newest = p.older
	}
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		s.oldest = p.newer
	}
	p.newer, p.older = nil, nil
}
