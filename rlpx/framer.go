package rlpx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

const (
	blockLen = aes.BlockSize
	macLen   = 16

	// HeaderLen is the length of a frame's header with its MAC.
	HeaderLen = blockLen + macLen

	// MaxFrame is the most bytes of data, the message's code included, that a
	// frame holds: its size has 24 bits.
	MaxFrame = 1<<24 - 1
)

// Errors of frames. After one of them a Framer is of no use.
var (
	ErrFrameMAC  = errors.New("rlpx: frame was altered")
	ErrFrameSize = errors.New("rlpx: frame size out of bounds")
)

// Framer encrypts and authenticates the frames of one connection, on bytes
// (rlpx.md, "Framing"). Its two directions are independent of each other: one
// goroutine may write while another reads.
type Framer struct {
	keys    secrets
	out, in direction
}

// direction is how far one direction is. What AES makes of the keys, half a kilobyte of
// each, is there only while the direction is in use.
type direction struct {
	keys   *secrets
	stream cipher.Stream // nil while it rests
	block  cipher.Block  // of the MAC
	at     uint64        // bytes of the stream that are used up: whole blocks
	used   bool          // since rest was called last

	hash   secp.Hasher    // the running MAC
	digest [blockLen]byte // of the hash as it is: each is needed twice, a frame apart
}

// newFramer makes the Framer of the initiator, or of the recipient, with the MAC
// states that begin with the auth packet and with the ack.
func newFramer(keys *secrets, auth, ack secp.Hasher, initiator bool) *Framer {
	egress, ingress := ack, auth
	if initiator {
		egress, ingress = auth, ack
	}
	f := &Framer{keys: *keys}
	f.out.begin(&f.keys, egress)
	f.in.begin(&f.keys, ingress)
	return f
}

func (d *direction) begin(keys *secrets, state secp.Hasher) {
	d.keys, d.hash = keys, state
	d.sum()
}

// wake makes what rest gives up.
func (d *direction) wake() {
	d.used = true
	if d.stream != nil {
		return
	}
	var iv [blockLen]byte // it begins with zero: the keys are used once
	binary.BigEndian.PutUint64(iv[8:], d.at/blockLen)
	d.stream, d.block = cipher.NewCTR(newAES(&d.keys.aes), iv[:]), newAES(&d.keys.mac)
}

// rest gives up what can be made anew, unless it was in use since the last call.
func (d *direction) rest() {
	if !d.used {
		d.stream, d.block = nil, nil
	}
	d.used = false
}

func newAES(key *[32]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	return block
}

// crypt encrypts or decrypts whole blocks in place.
func (d *direction) crypt(b []byte) {
	d.stream.XORKeyStream(b, b)
	d.at += uint64(len(b))
}

// header returns the MAC of a header's ciphertext. It is valid until the next call.
func (d *direction) header(ciphertext []byte) []byte {
	d.block.Encrypt(d.digest[:], d.digest[:])
	return d.update(ciphertext)
}

// body returns the MAC of a body's ciphertext, padding included. It is valid until
// the next call.
func (d *direction) body(ciphertext []byte) []byte {
	d.hash.Write(ciphertext)
	d.sum()
	digest := d.digest
	d.block.Encrypt(d.digest[:], d.digest[:])
	return d.update(digest[:])
}

func (d *direction) update(with []byte) []byte {
	subtle.XORBytes(d.digest[:], d.digest[:], with)
	d.hash.Write(d.digest[:])
	d.sum()
	return d.digest[:macLen]
}

func (d *direction) sum() {
	sum := d.hash.Sum()
	copy(d.digest[:], sum[:])
}

// padded returns a size rounded up to whole blocks.
func padded(size int) int { return (size + blockLen - 1) &^ (blockLen - 1) }

// BodyLen returns the length of a frame's body with its MAC, for size bytes of data.
func BodyLen(size int) int { return padded(size) + macLen }

// AppendFrame appends the frame with a message's code and content. It may be called
// by one goroutine at a time. The error is ErrFrameSize, and nothing is appended.
func (f *Framer) AppendFrame(b []byte, code uint64, content []byte) ([]byte, error) {
	size := rlp.UintSize(code) + len(content)
	if size > MaxFrame {
		return b, ErrFrameSize
	}
	f.out.wake()
	start := len(b)
	// The header: the size, and a list of two zeros that nobody reads.
	head := [blockLen]byte{byte(size >> 16), byte(size >> 8), byte(size), 0xc2, 0x80, 0x80}
	b = append(b, head[:]...)
	header := b[start:]
	f.out.crypt(header)
	b = append(b, f.out.header(header)...)

	bodyAt := len(b)
	b = rlp.AppendUint(b, code)
	b = append(b, content...)
	var zeros [blockLen]byte
	b = append(b, zeros[:padded(size)-size]...)
	body := b[bodyAt:]
	f.out.crypt(body)
	return append(b, f.out.body(body)...), nil
}

// OpenHeader checks a frame's header with its MAC, HeaderLen bytes, decrypts it in
// place and returns the size of the data. Frames without a code or over limit bytes
// are refused with ErrFrameSize.
func (f *Framer) OpenHeader(b []byte, limit int) (size int, err error) {
	f.in.wake()
	header := b[:blockLen]
	if subtle.ConstantTimeCompare(f.in.header(header), b[blockLen:HeaderLen]) != 1 {
		return 0, ErrFrameMAC
	}
	f.in.crypt(header)
	size = int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	if size == 0 || size > limit {
		return 0, ErrFrameSize
	}
	return size, nil
}

// OpenBody checks a frame's body with its MAC, BodyLen(size) bytes, decrypts it in
// place and returns its data.
func (f *Framer) OpenBody(b []byte, size int) (data []byte, err error) {
	f.in.wake()
	body := b[:padded(size)]
	if subtle.ConstantTimeCompare(f.in.body(body), b[len(body):BodyLen(size)]) != 1 {
		return nil, ErrFrameMAC
	}
	f.in.crypt(body)
	return body[:size], nil
}
