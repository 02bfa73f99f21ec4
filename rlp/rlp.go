// Package rlp encodes and decodes RLP, Ethereum's recursive length prefix
// (Yellow Paper, appendix B): an item is a byte string or a list of items.
//
// Encoding is append style: the caller owns one buffer, appends items to it and
// turns a tail of it into a list with [WrapList]. Decoding is a [Cursor] that
// walks over a buffer it never copies. Neither uses reflection, neither
// allocates, and nothing here panics on any input.
//
// The decoder promises canonical form: of the many byte sequences that could
// stand for a value it accepts only the one that the encoder produces (sizes in
// as few bytes as possible, a single byte below 0x80 as itself, integers without
// leading zeros). What was accepted can therefore be compared, hashed and signed
// byte by byte.
//
// It does not look inside what the caller doesn't ask for: [Split], [Cursor.Skip]
// and [Cursor.Raw] check the header of an item and that its content is there, but
// not the items inside a list. [Valid] does.
package rlp

import "errors"

// Kind tells the two kinds of items apart.
type Kind uint8

const (
	// String is a byte string. Integers are byte strings too.
	String Kind = iota
	// List is a list of items.
	List
)

// String returns "string" or "list".
func (k Kind) String() string {
	if k == List {
		return "list"
	}
	return "string"
}

// Decoding fails with one of these values, never wrapped, so that a refused
// packet costs no allocation.
var (
	// ErrTruncated: an item's header announces more bytes than there are.
	ErrTruncated = errors.New("rlp: item is longer than the input")
	// ErrEnd: an item was asked for where no more items are.
	ErrEnd = errors.New("rlp: too few items")
	// ErrTrailing: items or bytes are left over where the end was expected.
	ErrTrailing = errors.New("rlp: trailing bytes after the last item")
	// ErrNotString: the item is a list where a byte string was expected.
	ErrNotString = errors.New("rlp: list found, byte string expected")
	// ErrNotList: the item is a byte string where a list was expected.
	ErrNotList = errors.New("rlp: byte string found, list expected")
	// ErrCanonicalSize: the header isn't the shortest one for its item.
	ErrCanonicalSize = errors.New("rlp: non-canonical size")
	// ErrCanonicalInt: an integer has leading zero bytes.
	ErrCanonicalInt = errors.New("rlp: non-canonical integer (leading zeros)")
	// ErrIntSize: an integer doesn't fit in the type asked for.
	ErrIntSize = errors.New("rlp: integer too large")
	// ErrLength: a byte string hasn't the length asked for.
	ErrLength = errors.New("rlp: byte string of wrong length")
	// ErrDepth: lists are nested deeper than [MaxDepth].
	ErrDepth = errors.New("rlp: lists nested too deeply")
)

// First bytes of an item (Yellow Paper, appendix B). Below stringBase a byte
// stands for itself; in each of the four ranges above it the offset from the base
// is a size (short) or the number of bytes that the size takes (long).
const (
	stringBase     = 0x80 // 0x80..0xb7: string of 0..55 bytes
	stringLongBase = 0xb7 // 0xb8..0xbf: 1..8 bytes of size, then the string
	listBase       = 0xc0 // 0xc0..0xf7: list of 0..55 bytes of items
	listLongBase   = 0xf7 // 0xf8..0xff: 1..8 bytes of size, then the items
	maxShort       = 55   // the longest content whose size fits in the first byte
)
