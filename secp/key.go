package secp

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"

	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// hidden stands in for a private key wherever one would be printed.
const hidden = "[private key]"

// PrivateKey is a secret number in 1..n-1 with its public key. Make one with
// [GenerateKey], [ReadKey] or [ParsePrivateKey]; the zero value is of no use. It
// prints as "[private key]" whatever the verb. It is immutable, and safe for
// concurrent use.
type PrivateKey struct {
	// fmt can call no method on a key inside an unexported field and prints what it
	// finds there: through one pointer, but of two it prints the address.
	box **secret
}

type secret struct {
	d   [32]byte // big endian
	pub PublicKey
}

// GenerateKey returns a new key from the operating system's randomness.
func GenerateKey() (*PrivateKey, error) { return ReadKey(rand.Reader) }

// maxKeyReads bounds how often [ReadKey] draws. A random number is out of range
// once in 2^128 draws, so a source that needs more is broken.
const maxKeyReads = 16

// ReadKey returns a key made of 32 bytes from r; it draws another 32 while they
// are out of range. The same bytes give the same key, so that a simulation can be
// replayed. Errors: those of r, or [ErrPrivateKey] when r yields nothing in range.
func ReadKey(r io.Reader) (*PrivateKey, error) {
	m, err := readKey(r)
	if err != nil {
		return nil, err
	}
	derivePublic(&m.d, &m.pub)
	return &m.key, nil
}

// ParsePrivateKey returns the key that 32 big-endian bytes stand for. Errors:
// [ErrPrivateKey].
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	if len(b) != 32 || !isScalar(b) {
		return nil, ErrPrivateKey
	}
	m := newMemory()
	m.d = [32]byte(b)
	derivePublic(&m.d, &m.pub)
	return &m.key, nil
}

// memory is all that a key consists of, in one piece.
type memory struct {
	key PrivateKey
	at  *secret
	secret
}

func newMemory() *memory {
	m := new(memory)
	m.at = &m.secret
	m.key.box = &m.at
	return m
}

// readKey draws a key without its public half.
func readKey(r io.Reader) (*memory, error) {
	m := newMemory()
	for range maxKeyReads {
		if _, err := io.ReadFull(r, m.d[:]); err != nil {
			return nil, fmt.Errorf("secp: reading randomness for a key: %w", err)
		}
		if isScalar(m.d[:]) {
			return m, nil
		}
	}
	return nil, ErrPrivateKey
}

// isScalar reports whether 32 bytes stand for a number in 1..n-1.
func isScalar(b []byte) bool {
	var d dcr.ModNScalar
	return scalarFrom(b, &d)
}

// Bytes returns the secret number, big endian.
func (k *PrivateKey) Bytes() [32]byte { return (*k.box).d }

// Public returns the public key. It was computed when k was made.
func (k *PrivateKey) Public() PublicKey { return (*k.box).pub }

// String returns "[private key]".
func (k PrivateKey) String() string { return hidden }

// GoString returns "[private key]".
func (k PrivateKey) GoString() string { return hidden }

// Format writes "[private key]" for every verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue returns "[private key]".
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "[private key]", for encoders of JSON and the like.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }
