package p2p

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlpx"
)

// Protocol is an upper-layer protocol.
type Protocol struct {
	Name    string // at most eight ASCII characters, as the specification demands
	Version uint64
	Length  uint64 // number of message codes: 0 to Length-1
	// Run speaks the protocol with one peer until ctx ends, which it does when the
	// peer is gone. When Run returns, the peer is dropped: with the DiscReason that
	// its error is or wraps, if any.
	Run func(ctx context.Context, peer *Peer, rw MsgReadWriter) error
	// Attributes are entries for the own node's record: key and RLP value. Of two
	// protocols with the same key the one that was added last is believed.
	Attributes map[string][]byte
	// Candidates, if set, are nodes worth dialing, beside those that discovery
	// finds. They are asked for as long as there are places to fill.
	Candidates iter.Seq[*enode.Node]
}

// Cap returns the protocol's name and version.
func (p *Protocol) Cap() rlpx.Cap { return rlpx.Cap{Name: p.Name, Version: p.Version} }

// Msg is a message of a protocol.
type Msg struct {
	Code    uint64
	Payload []byte // valid until the next ReadMsg
}

// MsgReadWriter is a protocol's side of a connection. One goroutine may read while
// any others write. Both calls end with ctx, and with an error once the peer is gone.
type MsgReadWriter interface {
	ReadMsg(ctx context.Context) (Msg, error)
	// WriteMsg hands a message over. It waits while the peer is slow to take what
	// was written before; protocols take turns.
	WriteMsg(ctx context.Context, code uint64, payload []byte) error
}

// maxCodes bounds a protocol's message codes, so that all of a peer's protocols have
// room in what a code can be.
const maxCodes = 1 << 32

func checkProtocols(list []*Protocol) error {
	seen := make(map[rlpx.Cap]bool)
	for _, p := range list {
		switch c := p.Cap(); {
		case !goodName(p.Name):
			return fmt.Errorf("p2p: protocol name %q: want 1 to 8 printable ASCII characters", p.Name)
		case p.Name == "p2p":
			return errors.New(`p2p: the protocol name "p2p" is the transport's own`)
		case p.Length > maxCodes:
			return fmt.Errorf("p2p: protocol %v has %d message codes, more than %d", c, p.Length, uint64(maxCodes))
		case p.Run == nil:
			return fmt.Errorf("p2p: protocol %v has no Run", c)
		case seen[c]:
			return fmt.Errorf("p2p: protocol %v is given twice", c)
		default:
			seen[c] = true
		}
	}
	return nil
}

func goodName(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 8
}

func capsOf(list []*Protocol) (caps []rlpx.Cap) {
	for _, p := range list {
		caps = append(caps, p.Cap())
	}
	return caps
}

// shared is a protocol that both sides speak, with its place in the codes.
type shared struct {
	*Protocol
	offset uint64
}

// match returns the protocols in common, one after the other from 0x10 on.
func match(own []*Protocol, theirs []rlpx.Cap) (list []shared) {
	offset := uint64(rlpx.BaseCodes)
	for _, c := range rlpx.Match(capsOf(own), theirs) {
		i := slices.IndexFunc(own, func(p *Protocol) bool { return p.Cap() == c })
		list = append(list, shared{own[i], offset})
		offset += own[i].Length
	}
	return list
}
