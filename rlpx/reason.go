package rlpx

import (
	"fmt"

	"github.com/golang/snappy"
	"github.com/kithnet/kith/rlp"
)

// DiscReason is why a connection ended (rlpx.md, "Disconnect"). It is an error: the
// one that reads and writes end with after the other side has disconnected.
type DiscReason uint8

// The reasons of the specification.
const (
	DiscRequested          DiscReason = 0x00
	DiscNetworkError       DiscReason = 0x01
	DiscProtocolError      DiscReason = 0x02
	DiscUselessPeer        DiscReason = 0x03
	DiscTooManyPeers       DiscReason = 0x04
	DiscAlreadyConnected   DiscReason = 0x05
	DiscIncompatible       DiscReason = 0x06
	DiscInvalidIdentity    DiscReason = 0x07
	DiscQuitting           DiscReason = 0x08
	DiscUnexpectedIdentity DiscReason = 0x09
	DiscSelf               DiscReason = 0x0a
	DiscReadTimeout        DiscReason = 0x0b
	DiscSubprotocolError   DiscReason = 0x10
)

var discReasons = map[DiscReason]string{
	DiscRequested:          "disconnect requested",
	DiscNetworkError:       "network error",
	DiscProtocolError:      "breach of protocol",
	DiscUselessPeer:        "useless peer",
	DiscTooManyPeers:       "too many peers",
	DiscAlreadyConnected:   "already connected",
	DiscIncompatible:       "incompatible p2p protocol version",
	DiscInvalidIdentity:    "invalid node identity",
	DiscQuitting:           "client quitting",
	DiscUnexpectedIdentity: "unexpected identity",
	DiscSelf:               "connected to self",
	DiscReadTimeout:        "read timeout",
	DiscSubprotocolError:   "subprotocol error",
}

func (r DiscReason) String() string {
	if s, ok := discReasons[r]; ok {
		return s
	}
	return fmt.Sprintf("unknown reason 0x%02x", uint8(r))
}

func (r DiscReason) Error() string { return "rlpx: disconnected: " + r.String() }

// appendReason appends the content of a Disconnect message.
func appendReason(b []byte, r DiscReason) []byte {
	start := len(b)
	b = rlp.AppendUint(b, uint64(r))
	return rlp.WrapList(b, start)
}

// ParseDisconnect reads the content of a Disconnect message in each form that is
// seen: a list with the reason or an empty one, the bare reason, nothing at all;
// compressed or not, whatever was agreed on. A reason that can't be read is
// DiscRequested: the other side is gone in any case.
func ParseDisconnect(content []byte) DiscReason {
	if r, ok := parseReason(content); ok {
		return r
	}
	if n, err := snappy.DecodedLen(content); err != nil || n > maxReason {
		return DiscRequested
	}
	if plain, err := snappy.Decode(nil, content); err == nil {
		if r, ok := parseReason(plain); ok {
			return r
		}
	}
	return DiscRequested
}

// maxReason is the longest content of a Disconnect that is looked at, uncompressed.
const maxReason = 64

func parseReason(content []byte) (DiscReason, bool) {
	if len(content) == 0 {
		return DiscRequested, true
	}
	c := rlp.NewCursor(content)
	if kind, ok := c.Kind(); ok && kind == rlp.List {
		list := c.List()
		if !list.More() {
			return DiscRequested, c.End() == nil && list.Err() == nil
		}
		v := list.Uint64()
		return DiscReason(v), list.Err() == nil && v <= 0xff && c.End() == nil
	}
	v := c.Uint64()
	return DiscReason(v), v <= 0xff && c.End() == nil
}
