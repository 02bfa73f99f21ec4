package rawpeer5

import (
	"errors"
	"fmt"
	"time"

	"github.com/kithnet/kith/discv5"

	"github.com/kithnet/kith/interop/internal/load"
)

// firstID is the first request ID of a load. None has leading zeros.
const firstID = 1 << 62

// Pings returns n packets for a loop of PINGs. There has to be a session.
func (p *Peer) Pings(n int) ([]load.Request, error) {
	return p.requests(n, discv5.Message{Kind: discv5.Ping, Seq: p.node.Seq()})
}

// PacedPings returns the packets that load.Paced needs for PINGs, sealed ahead.
func (p *Peer) PacedPings(rate int, d time.Duration) ([]load.Request, error) {
	return p.Pings(load.Pace(rate, d))
}

// Findnodes returns n packets for a loop of FINDNODEs for the three farthest distances,
// at which seven eighths of all nodes are.
func (p *Peer) Findnodes(n int) ([]load.Request, error) {
	return p.requests(n, discv5.Message{Kind: discv5.Findnode, Distances: []uint16{256, 255, 254}})
}

// requests seals n messages, each with an ID of its own, which an answer quotes.
func (p *Peer) requests(n int, m discv5.Message) ([]load.Request, error) {
	session := p.session.Load()
	if session == nil {
		return nil, errors.New("rawpeer5: no session")
	}
	var out discv5.Packet
	return load.Make(n, func(i int) (r load.Request, err error) {
		m.ID = discv5.NumberID(firstID + uint64(i))
		m.ID.Append(r.Token[:0])
		out.Header = p.header(discv5.Ordinary)
		if r.Packet, err = out.Seal(nil, p.to, *session, &m); err != nil {
			err = fmt.Errorf("rawpeer5: %v: %w", m.Kind, err)
		}
		return r, err
	})
}

// CountNodes returns how many nodes NODES messages name.
func CountNodes(messages [][]byte) (n int, err error) {
	var m discv5.Message
	for _, b := range messages {
		if drop := m.Decode(b); drop != discv5.DropNone || m.Kind != discv5.Nodes {
			return 0, fmt.Errorf("rawpeer5: no NODES: %v", drop)
		}
		n += len(m.Records)
	}
	return n, nil
}
