package discv5

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"math/bits"

	"github.com/kithnet/kith/enode"
)

// Mask hides and reveals the headers of packets to one node (discv5-wire.md,
// "Protocol Header"). Its key is public; it only keeps firewalls from knowing the
// protocol by fixed bytes. Make it with [NewMask], once for the own node and once
// for each node that is written to: it costs an allocation of 512 bytes. It is
// immutable, copies share it, and it is safe for concurrent use. The zero value is
// of no use.
type Mask struct{ block cipher.Block }

// NewMask returns the mask of packets to dest.
func NewMask(dest enode.ID) Mask {
	block, _ := aes.NewCipher(dest[:16]) // 16 bytes are always a key
	return Mask{block}
}

// scratch is AES's working space: what goes through an interface must not lie on
// the stack, or it would cost an allocation.
type scratch struct{ counter, stream [aes.BlockSize]byte }

// xor is AES in counter mode from a block of the stream on: crypto/cipher's own
// makes a new state for each packet. dst and src may be the same.
func (m Mask) xor(s *scratch, iv *[ivSize]byte, block uint64, dst, src []byte) {
	hi, lo := binary.BigEndian.Uint64(iv[:8]), binary.BigEndian.Uint64(iv[8:])
	lo, carry := bits.Add64(lo, block, 0)
	hi += carry
	for len(src) > 0 {
		binary.BigEndian.PutUint64(s.counter[:8], hi)
		binary.BigEndian.PutUint64(s.counter[8:], lo)
		m.block.Encrypt(s.stream[:], s.counter[:])
		n := subtle.XORBytes(dst, src, s.stream[:])
		dst, src = dst[n:], src[n:]
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
}
