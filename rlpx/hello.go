package rlpx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

const (
	// Version is the version of the "p2p" capability that this package speaks
	// (rlpx.md, "Hello"). From version 5 on messages are compressed.
	Version       = 5
	snappyVersion = 5

	// BaseCodes is the number of message codes that the "p2p" capability has for
	// itself: 0x00 to 0x0f.
	BaseCodes = 16

	// maxHello bounds the first message, which comes before anything is agreed
	// on: go-ethereum's limit, room for some fifty capabilities.
	maxHello = 2048

	// maxCaps and maxCapName bound what is kept of a Hello. The specification
	// gives names eight characters; longer ones are nobody's, but no error.
	maxCaps    = 256
	maxCapName = 64
)

// The codes of the "p2p" capability's messages (rlpx.md, "p2p Capability").
const (
	CodeHello      = 0x00
	CodeDisconnect = 0x01
	CodePing       = 0x02
	CodePong       = 0x03
)

// ErrHello means that the first message is none that a connection begins with.
var ErrHello = errors.New("rlpx: bad Hello")

// Cap is a capability: a protocol's name and version.
type Cap struct {
	Name    string
	Version uint64
}

func (c Cap) String() string { return c.Name + "/" + strconv.FormatUint(c.Version, 10) }

// Match returns the capabilities in common: of each name the highest version, in the
// order of their message codes, which is alphabetical (rlpx.md, "Message ID-based
// Multiplexing").
func Match(own, theirs []Cap) (common []Cap) {
	for _, c := range own {
		if !slices.Contains(theirs, c) {
			continue
		}
		i, known := slices.BinarySearchFunc(common, c.Name, func(o Cap, name string) int { return cmp.Compare(o.Name, name) })
		switch {
		case !known:
			common = slices.Insert(common, i, c)
		case common[i].Version < c.Version:
			common[i] = c
		}
	}
	return common
}

// Hello is how a node introduces itself (rlpx.md, "Hello").
type Hello struct {
	Version    uint64 // of the "p2p" capability
	Client     string // name and version of the software
	Caps       []Cap
	ListenPort uint64 // legacy
	ID         secp.PublicKey
}

// Append appends the message's content.
func (h *Hello) Append(b []byte) []byte {
	start := len(b)
	b = rlp.AppendUint(b, h.Version)
	b = rlp.AppendString(b, h.Client)
	caps := len(b)
	for _, c := range h.Caps {
		at := len(b)
		b = rlp.AppendString(b, c.Name)
		b = rlp.AppendUint(b, c.Version)
		b = rlp.WrapList(b, at)
	}
	b = rlp.WrapList(b, caps)
	b = rlp.AppendUint(b, h.ListenPort)
	b = rlp.AppendString(b, h.ID[:])
	return rlp.WrapList(b, start)
}

// ParseHello reads a Hello's content. Additional elements are ignored, of the list
// and of each capability (EIP-8). Whether the ID is that of the connection is the
// caller's check. Errors are ErrHello or about the RLP.
func ParseHello(content []byte) (*Hello, error) {
	h := new(Hello)
	c := rlp.NewCursor(content)
	list := c.List()
	h.Version = list.Uint64()
	h.Client = string(list.Bytes())
	caps := list.List()
	h.ListenPort = list.Uint64()
	list.Fixed(h.ID[:])
	for caps.More() {
		one := caps.List()
		name, version := one.Bytes(), one.Uint64()
		if err := one.Err(); err != nil {
			return nil, fmt.Errorf("%w: capability: %w", ErrHello, err)
		}
		if len(name) <= maxCapName && len(h.Caps) < maxCaps {
			h.Caps = append(h.Caps, Cap{string(name), version})
		}
	}
	if err := errors.Join(c.Err(), list.Err(), caps.Err()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHello, err)
	}
	return h, nil
}
