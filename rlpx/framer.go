package rlpx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
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
	out, in direction
}

type direction struct {
	stream cipher.Stream
	mac    frameMAC
}

// newFramer makes the Framer of the initiator, or of the recipient, with the MAC
// states that begin with the auth packet and with the ack.
func newFramer(aesKey, macKey *[32]byte, auth, ack secp.Hasher, initiator bool) *Framer {
	egress, ingress := ack, auth
	if initiator {
		egress, ingress = auth, ack
	}
	block, err := aes.NewCipher(aesKey[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	mac, err := aes.NewCipher(macKey[:])
	if err != nil {
		panic(err)
	}
	return &Framer{newDirection(block, mac, egress), newDirection(block, mac, ingress)}
}

func newDirection(block, mac cipher.Block, state secp.Hasher) direction {
	var iv [blockLen]byte // the keys are used once
	d := direction{stream: cipher.NewCTR(block, iv[:]), mac: frameMAC{block: mac, hash: state}}
	d.mac.digest = d.mac.hash.Sum()
	return d
}

// frameMAC is the running MAC of one direction.
type frameMAC struct {
	block  cipher.Block
	hash   secp.Hasher
	digest [32]byte // of the hash as it is: each is needed twice, a frame apart
	seed   [blockLen]byte
}

// header returns the MAC of a header's ciphertext. It is valid until the next call.
func (m *frameMAC) header(ciphertext []byte) []byte {
	m.block.Encrypt(m.seed[:], m.digest[:blockLen])
	subtle.XORBytes(m.seed[:], m.seed[:], ciphertext)
	return m.update()
}

// body returns the MAC of a body's ciphertext, padding included. It is valid until
// the next call.
func (m *frameMAC) body(ciphertext []byte) []byte {
	m.hash.Write(ciphertext)
	m.digest = m.hash.Sum()
	m.block.Encrypt(m.seed[:], m.digest[:blockLen])
	subtle.XORBytes(m.seed[:], m.seed[:], m.digest[:blockLen])
	return m.update()
}

func (m *frameMAC) update() []byte {
	m.hash.Write(m.seed[:])
	m.digest = m.hash.Sum()
	return m.digest[:macLen]
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
	start := len(b)
	// The header: the size, and a list of two zeros that nobody reads.
	head := [blockLen]byte{byte(size >> 16), byte(size >> 8), byte(size), 0xc2, 0x80, 0x80}
	b = append(b, head[:]...)
	header := b[start:]
	f.out.stream.XORKeyStream(header, header)
	b = append(b, f.out.mac.header(header)...)

	bodyAt := len(b)
	b = rlp.AppendUint(b, code)
	b = append(b, content...)
	var zeros [blockLen]byte
	b = append(b, zeros[:padded(size)-size]...)
	body := b[bodyAt:]
	f.out.stream.XORKeyStream(body, body)
	return append(b, f.out.mac.body(body)...), nil
}

// OpenHeader checks a frame's header with its MAC, HeaderLen bytes, decrypts it in
// place and returns the size of the data. Frames without a code or over limit bytes
// are refused with ErrFrameSize.
func (f *Framer) OpenHeader(b []byte, limit int) (size int, err error) {
	header := b[:blockLen]
	if subtle.ConstantTimeCompare(f.in.mac.header(header), b[blockLen:HeaderLen]) != 1 {
		return 0, ErrFrameMAC
	}
	f.in.stream.XORKeyStream(header, header)
	size = int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	if size == 0 || size > limit {
		return 0, ErrFrameSize
	}
	return size, nil
}

// OpenBody checks a frame's body with its MAC, BodyLen(size) bytes, decrypts it in
// place and returns its data.
func (f *Framer) OpenBody(b []byte, size int) (data []byte, err error) {
	body := b[:padded(size)]
	if subtle.ConstantTimeCompare(f.in.mac.body(body), b[len(body):BodyLen(size)]) != 1 {
		return nil, ErrFrameMAC
	}
	f.in.stream.XORKeyStream(body, body)
	return body[:size], nil
}
