package flood

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/interop/internal/rawpeer"
)

// Kind is what the packets of a flood are.
type Kind string

// What a server may be flooded with. All but the garbage are well-formed, signed
// and, but for the expired, not expired.
const (
	Findnode  Kind = "findnode"  // from nodes without endpoint proof
	Pong      Kind = "pong"      // to a PING never sent
	Neighbors Kind = "neighbors" // to a FINDNODE never sent
	Expired   Kind = "expired"   // PINGs that expired 20 s ago
	Ping      Kind = "ping"      // from nodes never heard of
	Garbage   Kind = "garbage"   // random bytes, of a packet's size
	Session   Kind = "session"   // v5: messages under keys that nobody has, of nodes never heard of
)

// makePackets makes n packets, each from a signer of its own.
func makePackets(kind Kind, n int, target netip.AddrPort, id enode.ID) (packets [][]byte, err error) {
	packets = make([][]byte, n)
	for i := range packets {
		if kind == Garbage {
			packets[i] = garbage()
			continue
		}
		if kind == Session {
			if packets[i], err = message(id); err != nil {
				return nil, err
			}
			continue
		}
		contents, err := contents(kind, target)
		if err != nil {
			return nil, err
		}
		key, err := crypto.GenerateKey()
		if err != nil {
			return nil, fmt.Errorf("flood: %w", err)
		}
		if packets[i], _, err = v4wire.Encode(key, contents); err != nil {
			return nil, fmt.Errorf("flood: %w", err)
		}
	}
	return packets, nil
}

// garbage returns as many random bytes as any packet may have: at least a hash,
// a signature and a type, and at most 1280.
func garbage() []byte {
	const least, most = 32 + 65 + 1, 1280
	b := make([]byte, least+rand.IntN(most-least+1))
	crand.Read(b)
	return b
}

// message returns a packet of v5 for a node. It is as long as one with a FINDNODE.
func message(to enode.ID) ([]byte, error) {
	p := discv5.Packet{Header: discv5.Header{Flag: discv5.Ordinary}, Sealed: make([]byte, 40)}
	crand.Read(p.MaskingIV[:])
	crand.Read(p.Nonce[:])
	crand.Read(p.Src[:])
	crand.Read(p.Sealed)
	b, err := p.Encode(nil, discv5.NewMask(to))
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	return b, nil
}

func contents(kind Kind, target netip.AddrPort) (v4wire.Packet, error) {
	self := v4wire.NewEndpoint(netip.MustParseAddrPort("127.0.1.1:30303"), 30303)
	to := v4wire.NewEndpoint(target, 0)
	ahead := rawpeer.Expiration(rawpeer.Lifetime)
	switch kind {
	case Ping:
		return &v4wire.Ping{Version: 4, From: self, To: to, Expiration: ahead, ENRSeq: 1}, nil
	case Expired:
		past := rawpeer.Expiration(-20 * time.Second)
		return &v4wire.Ping{Version: 4, From: self, To: to, Expiration: past, ENRSeq: 1}, nil
	case Pong:
		token := make([]byte, 32)
		crand.Read(token)
		return &v4wire.Pong{To: to, ReplyTok: token, Expiration: ahead, ENRSeq: 1}, nil
	case Findnode:
		f := &v4wire.Findnode{Expiration: ahead}
		crand.Read(f.Target[:])
		return f, nil
	case Neighbors:
		n := &v4wire.Neighbors{Expiration: ahead}
		for range v4wire.MaxNeighbors {
			node := v4wire.Node{IP: self.IP, UDP: 30303, TCP: 30303}
			crand.Read(node.ID[:])
			n.Nodes = append(n.Nodes, node)
		}
		return n, nil
	}
	return nil, fmt.Errorf("flood: unknown kind %q", kind)
}
