// Package enr reads and writes Ethereum node records (EIP-778): a signed,
// versioned list of key/value pairs that says who a node is and where it can
// be reached.
//
// What it promises: a *Record from [Decode], [Parse] or [Builder.Sign] is at
// most [MaxSize] bytes, its top-level RLP is canonical, its keys are sorted and
// unique, its identity scheme is "v4", its public key is a point on secp256k1,
// and its signature was made by that key over exactly these bytes. Raw and
// String give back what was decoded, byte for byte, with entries this package
// has never heard of.
//
// What it does not check: the meaning of entries. A record may carry an "ip" of
// three bytes, a "udp" of 2^40, a loopback or a multicast address, and still be
// valid by EIP-778; the typed readers ([Record.IP], [Record.UDP], ...) answer
// zero for what is malformed and leave the judgement of addresses to package
// enode. The inside of a list value is not looked at. The sequence number is
// whatever its signer chose.
//
// A Record is immutable and safe for concurrent use.
package enr

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

const (
	// MaxSize is the largest encoded record in bytes (EIP-778, "RLP Encoding"):
	// records travel inside packets of 1280 bytes and DNS texts.
	MaxSize = 300

	// textPrefix starts the text form (EIP-778, "Text Encoding").
	textPrefix = "enr:"

	// sigSize is the length of a "v4" signature: r and s, without recovery id.
	sigSize = 64

	// sigItemSize is the RLP of a signature: the header b8 40 and 64 bytes.
	sigItemSize = 2 + sigSize

	keyID  = "id"
	keyKey = "secp256k1"

	// schemeV4 is the RLP of "v4", the only identity scheme there is.
	schemeV4 = "\x82v4"
)

// Reasons why bytes or a text are no valid record. Errors of this package wrap
// one of these, or an error of package rlp for RLP that is not canonical.
var (
	ErrSize      = errors.New("enr: record larger than 300 bytes")
	ErrPair      = errors.New("enr: key without a value")
	ErrOrder     = errors.New("enr: keys are not sorted")
	ErrDuplicate = errors.New("enr: key appears twice")
	ErrScheme    = errors.New(`enr: identity scheme is not "v4"`)
	ErrKey       = errors.New(`enr: "secp256k1" is missing or no valid public key`)
	ErrSignature = errors.New("enr: signature does not match the record's key and content")
	ErrText      = errors.New("enr: bad text form")
)

// text is base64url without padding; Strict refuses stray bits in the last
// character, so that a record has exactly one text.
var text = base64.RawURLEncoding.Strict()

// Record is a valid, signed node record. The zero value is an empty record that
// answers every question with zero; it is not valid and has no bytes.
type Record struct {
	raw []byte // the whole encoding
	seq uint64
	key secp.PublicKey
}

// Decode reads the RLP form of a record, which must be all of raw, and verifies
// its signature (EIP-778, "RLP Encoding" and "v4 Identity Scheme"). It copies
// raw. The checks that cost nothing come before those that cost cryptography.
// Errors: one of this package's Err values, or an rlp error.
func Decode(raw []byte) (*Record, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%w: %d", ErrSize, len(raw))
	}
	outer := rlp.NewCursor(raw)
	list := outer.List()
	sig := list.Bytes()
	content := list.Rest()
	seq := list.Uint64()
	scheme, key, err := scanPairs(&list)
	if err != nil {
		return nil, err
	}
	if err := outer.End(); err != nil {
		return nil, fmt.Errorf("enr: after the record: %w", err)
	}
	if string(scheme) != schemeV4 {
		return nil, ErrScheme
	}
	if len(sig) != sigSize {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrSignature, len(sig), sigSize)
	}
	pub, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	hash := contentHash(content)
	if !pub.Verify(&hash, sig) {
		return nil, ErrSignature
	}
	return &Record{raw: append(make([]byte, 0, len(raw)), raw...), seq: seq, key: pub}, nil
}

// scanPairs reads key/value pairs to the end of the list, checks their order,
// and returns the RLP of the two entries that the identity scheme needs.
func scanPairs(list *rlp.Cursor) (scheme, pubkey []byte, err error) {
	var prev []byte
	for first := true; list.More(); first = false {
		k := list.Bytes()
		if list.Err() == nil && !list.More() {
			return nil, nil, ErrPair
		}
		v := list.Raw()
		if list.Err() != nil {
			break
		}
		if !first && string(k) <= string(prev) {
			if string(k) == string(prev) {
				return nil, nil, ErrDuplicate
			}
			return nil, nil, ErrOrder
		}
		switch string(k) {
		case keyID:
			scheme = v
		case keyKey:
			pubkey = v
		}
		prev = k
	}
	if err := list.Err(); err != nil {
		return nil, nil, fmt.Errorf("enr: %w", err)
	}
	return scheme, pubkey, nil
}

// parseKey reads the "secp256k1" entry: an RLP string of a compressed point.
func parseKey(item []byte) (secp.PublicKey, error) {
	c := rlp.NewCursor(item)
	b := c.Bytes()
	if c.Err() != nil || len(b) != 33 {
		return secp.PublicKey{}, ErrKey
	}
	pub, err := secp.ParsePublicKey(b)
	if err != nil {
		return secp.PublicKey{}, ErrKey
	}
	return pub, nil
}

// contentHash is what a "v4" signature signs: the Keccak-256 of the list
// [seq, k, v, ...], of which payload is the inside.
func contentHash(payload []byte) [32]byte {
	var buf [9]byte
	return secp.Keccak256(rlp.AppendListHeader(buf[:0], len(payload)), payload)
}

// Parse reads the text form of a record: "enr:" and the base64url encoding of
// its RLP, without padding (EIP-778, "Text Encoding"). White space, padding and
// stray bits are refused, so that Parse(s).String() == s. Errors are those of
// [Decode], or wrap [ErrText].
func Parse(s string) (*Record, error) {
	b64, ok := strings.CutPrefix(s, textPrefix)
	if !ok {
		return nil, fmt.Errorf(`%w: does not begin with "enr:"`, ErrText)
	}
	if n, limit := len(b64), text.EncodedLen(MaxSize); n > limit {
		return nil, fmt.Errorf("%w: %d characters of base64, at most %d", ErrText, n, limit)
	}
	// encoding/base64 skips line ends.
	if i := strings.IndexAny(b64, "\r\n"); i >= 0 {
		return nil, fmt.Errorf("%w: line end at character %d", ErrText, len(textPrefix)+i+1)
	}
	raw, err := text.DecodeString(b64)
	if err != nil {
		if at, ok := errors.AsType[base64.CorruptInputError](err); ok {
			return nil, fmt.Errorf("%w: no valid base64url (without padding) at character %d", ErrText, len(textPrefix)+int(at)+1)
		}
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	return Decode(raw)
}

// Seq returns the sequence number: of two records of one key the higher is the
// newer.
func (r *Record) Seq() uint64 { return r.seq }

// Raw returns the RLP form. The caller must not modify it.
func (r *Record) Raw() []byte { return r.raw }

// PublicKey returns the key that signed the record.
func (r *Record) PublicKey() secp.PublicKey { return r.key }

// HasKey reports whether the signer's key is this one, without copying it.
func (r *Record) HasKey(key *secp.PublicKey) bool { return r.key == *key }

// Signature returns r and s of the signature, 32 bytes each.
func (r *Record) Signature() (sig [sigSize]byte) {
	if len(r.raw) > 0 {
		copy(sig[:], r.raw[r.sigOffset()+sigItemSize-sigSize:])
	}
	return sig
}

// String returns the text form, which [Parse] reads.
func (r *Record) String() string {
	b := make([]byte, 0, len(textPrefix)+text.EncodedLen(len(r.raw)))
	return string(text.AppendEncode(append(b, textPrefix...), r.raw))
}

// sigOffset is where the signature's item begins in raw: after the header of
// the outer list, which is f8 nn or f9 nn nn since a record is never shorter
// than its signature.
func (r *Record) sigOffset() int {
	return 2 + int(r.raw[0]-0xf8)
}

// pairs is the RLP of all key/value pairs, in order.
func (r *Record) pairs() []byte {
	if len(r.raw) == 0 {
		return nil
	}
	return r.raw[r.sigOffset()+sigItemSize+rlp.UintSize(r.seq):]
}
