// Package enode says what a node is: its [ID], its public key, where it can be
// reached ([Node]), the text forms of all that, and the node that we are
// ourselves ([LocalNode]).
//
// What it promises: a [*Node] is immutable, small, and safe for concurrent use;
// its public key is a valid one when it came from [Parse] or [FromRecord]; its
// ID is the Keccak-256 of that key. [Parse] of a Node's URL or String gives the
// same node again. A [LocalNode]'s record changes its sequence number exactly
// when its content changes.
//
// What it does not check: that anyone listens at a node's endpoint, that an
// address is one we may talk to (private, loopback and reserved addresses pass;
// see [Node.UDPEndpoint] for the few that don't), and that a DNS name exists.
// Nothing in this package touches the network.
package enode

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"github.com/kithnet/kith/secp"
)

// ID is a node's address in the distributed hash table: the Keccak-256 of its
// public key's x and y (EIP-778, "v4" Identity Scheme).
type ID [32]byte

// PubkeyID returns the ID that belongs to a public key.
func PubkeyID(key *secp.PublicKey) ID {
	return secp.Keccak256(key[:])
}

// ParseID reads 64 hex digits, with or without "0x" before them.
func ParseID(s string) (ID, error) {
	var id ID
	if err := parseHex(id[:], strings.TrimPrefix(s, "0x")); err != nil {
		return ID{}, fmt.Errorf("enode: node ID %s %w", quote(s), err)
	}
	return id, nil
}

// parseHex fills dst from exactly twice as many hex digits. The error continues
// a sentence that names the text.
func parseHex(dst []byte, s string) error {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return fmt.Errorf("has %q at position %d, which is no hex digit", c, i+1)
		}
	}
	if len(s) != 2*len(dst) {
		return fmt.Errorf("has %d hex digits, want %d", len(s), 2*len(dst))
	}
	_, err := hex.Decode(dst, []byte(s))
	return err
}

// String returns all 64 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hex digits, for logs and tables.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText gives the form of String, in JSON too.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads what [ParseID] reads.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// Xor returns the Kademlia distance of two IDs as a number of 256 bits, most
// significant byte first.
func Xor(a, b ID) (d ID) {
	for i := 0; i < len(d); i += 8 {
		binary.BigEndian.PutUint64(d[i:], word(&a, i)^word(&b, i))
	}
	return d
}

// LogDist returns the logarithmic distance of two IDs: the number of bits of
// their Xor without leading zeros, 0 for equal IDs and 256 at most.
func LogDist(a, b ID) int {
	for i := 0; i < len(a); i += 8 {
		if x := word(&a, i) ^ word(&b, i); x != 0 {
			return (len(a)-i)*8 - bits.LeadingZeros64(x)
		}
	}
	return 0
}

// DistCmp compares the distances of a and b to target: negative when a is
// closer, positive when b is, 0 when they are the same ID.
func DistCmp(target, a, b ID) int {
	for i := 0; i < len(target); i += 8 {
		t := word(&target, i)
		if da, db := t^word(&a, i), t^word(&b, i); da != db {
			return cmp.Compare(da, db)
		}
	}
	return 0
}

func word(id *ID, i int) uint64 { return binary.BigEndian.Uint64(id[i:]) }

// Compare orders IDs as numbers: -1, 0 or 1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }
