package discv4

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

const (
	// proofValid is how long an endpoint proof holds. The specification says
	// 12 hours, go-ethereum 24: the longer one serves whoever believes in it.
	proofValid = 24 * time.Hour

	// maxPeers bounds the proofs kept: the whole table many times over. Beyond
	// it the one heard from longest ago goes, and has to prove itself again.
	maxPeers = 4096

	// maxPeersPerNetwork bounds those of one network (see kad.Network), so that
	// whoever has only a few addresses, and any number of keys, can't have the
	// proofs of everybody else dropped.
	maxPeersPerNetwork = 256
)

// peerKey is what a proof is for: a node at an IP address, whatever the port.
type peerKey struct {
	id   enode.ID
	addr netip.Addr
}

// peer is a node that has proven its endpoint.
type peer struct {
	key   peerKey
	node  *enode.Node
	from  netip.AddrPort // where it last proved itself
	pong  time.Time      // it answered our PING: it has proven itself
	ping  time.Time      // we answered its PING: we have proven ourselves
	fails int            // PINGs in a row that it did not answer
	rate  bucket         // its share while this node is busy

	shared bool // the last query from its endpoint was another node's

	newer, older *peer // by last contact
}

func (p *peer) proven(now time.Time) bool { return now.Sub(p.pong) < proofValid }

// knowsUs reports whether the peer has a recent proof of this node's endpoint.
func (p *peer) knowsUs(now time.Time) bool { return !p.ping.IsZero() && now.Sub(p.ping) < proofValid }

// peerSet holds the proofs, by node and by endpoint.
type peerSet struct {
	byKey  map[peerKey]*peer
	byFrom map[netip.AddrPort]*peer // the latest to prove itself there
	byAddr map[netip.Addr]int       // number of proofs for an address
	byNet  map[netip.Prefix]int     // number of proofs in a network
	newest *peer
	oldest *peer
}

func (s *peerSet) init() {
	s.byKey = make(map[peerKey]*peer)
	s.byFrom = make(map[netip.AddrPort]*peer)
	s.byAddr = make(map[netip.Addr]int)
	s.byNet = make(map[netip.Prefix]int)
}

// add returns the peer for n's endpoint, making it if it is not there.
func (s *peerSet) add(n *enode.Node) *peer {
	from, _ := n.UDPEndpoint()
	key := peerKey{n.ID(), from.Addr()}
	p := s.byKey[key]
	if p == nil {
		if len(s.byKey) >= maxPeers {
			s.remove(s.oldest)
		}
		if net, limited := kad.Network(key.addr); limited {
			if s.byNet[net] >= maxPeersPerNetwork {
				s.remove(s.oldestIn(net))
			}
			s.byNet[net]++
		}
		p = &peer{key: key, node: n, from: from}
		s.byKey[key] = p
		s.byAddr[key.addr]++
		s.pushNewest(p)
	}
	s.move(p, n, from)
	return p
}

func (s *peerSet) oldestIn(net netip.Prefix) *peer {
	p := s.oldest
	for !net.Contains(p.key.addr) { // it counts some, so there is one
		p = p.newer
	}
	return p
}

// move notes that p was heard from at an endpoint.
func (s *peerSet) move(p *peer, n *enode.Node, from netip.AddrPort) {
	if p.from != from && s.byFrom[p.from] == p {
		delete(s.byFrom, p.from)
	}
	p.from = from
	s.byFrom[from] = p
	if n.Seq() >= p.node.Seq() {
		p.node = n
	} else if p.node.UDP() != from.Port() {
		p.node = p.node.WithEndpoint(from.Addr(), from.Port())
	}
	s.touch(p)
}

func (s *peerSet) remove(p *peer) {
	delete(s.byKey, p.key)
	if s.byFrom[p.from] == p {
		delete(s.byFrom, p.from)
	}
	decrement(s.byAddr, p.key.addr)
	if net, limited := kad.Network(p.key.addr); limited {
		decrement(s.byNet, net)
	}
	s.unlink(p)
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
