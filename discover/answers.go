package discover

import (
	"slices"
	"sync"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// maxAnswers bounds the answers kept, of up to 1280 bytes each. A table of n
// nodes has no more than n different sets of 16 closest ones.
const maxAnswers = 128

// answers keeps the NEIGHBORS packets signed within the current second.
// NEIGHBORS do not quote the request they answer, and signatures are
// deterministic: the same nodes with the same expiration are the same packet,
// byte for byte, and signing it again would only take time. It may be used
// concurrently.
type answers struct {
	mu         sync.Mutex
	expiration uint64 // of all that are kept
	kept       []answer
}

type answer struct {
	nodes  []*enode.Node
	packet []byte
}

// encode is p.Encode(b, key).
func (a *answers) encode(b []byte, p *discv4.Packet, key *secp.PrivateKey) []byte {
	if p.Kind != discv4.Neighbors || len(p.Nodes) == 0 {
		return p.Encode(b, key)
	}
	if packet := a.find(p); packet != nil {
		p.Hash = discv4.Hash(packet)
		return append(b, packet...)
	}
	start := len(b)
	b = p.Encode(b, key)
	a.keep(p, b[start:])
	return b
}

// find returns the packet if it was signed already. Nodes don't change: equal
// pointers mean equal content.
func (a *answers) find(p *discv4.Packet) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expiration != p.Expiration {
		return nil
	}
	for i := range a.kept {
		if slices.Equal(a.kept[i].nodes, p.Nodes) {
			return a.kept[i].packet
		}
	}
	return nil
}

// forget drops what is kept of a second that is over. The timer calls it, so that
// an idle node keeps nothing.
func (a *answers) forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expiration < uint64(now.Add(discv4.Expiration).Unix()) {
		a.kept = nil
	}
}

func (a *answers) keep(p *discv4.Packet, packet []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expiration != p.Expiration {
		a.expiration, a.kept = p.Expiration, nil
	}
	if len(a.kept) < maxAnswers {
		a.kept = append(a.kept, answer{p.Nodes, slices.Clone(packet)})
	}
}
