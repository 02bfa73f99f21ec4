package discv5

import (
	"crypto/aes"
	"encoding/binary"
	"slices"

	"github.com/kithnet/kith/enr"
)

// Packet is one packet, read or to be written. It is about 800 bytes and meant to
// be used again and again; it must not be copied, as Record may lie in it.
type Packet struct {
	Header
	// Sealed is the encrypted message. When read, it aliases what Parse was given;
	// [Packet.Encode] writes it as it is.
	Sealed []byte

	head int // how many bytes of buf are in use
	buf  [maxHeadSize]byte
	scratch
}

// Parse reads all of a packet that can be read without a session: it unmasks the
// header, and checks protocol, version, flag and all sizes. It does not write to
// data, but keeps a reference to it, and does not allocate. What p holds after a
// packet was dropped means nothing. See discv5-wire.md, "Packet Encoding".
func (p *Packet) Parse(data []byte, own Mask) Drop {
	const (
		first = 2 * aes.BlockSize // the blocks with the static header; no packet has fewer
		start = ivSize + first
	)
	switch {
	case len(data) > MaxPacketSize:
		return DropOversized
	case len(data) < MinPacketSize:
		return DropTruncated
	}
	p.Header = Header{MaskingIV: [ivSize]byte(data)}
	copy(p.buf[:], p.MaskingIV[:])
	own.xor(&p.scratch, &p.MaskingIV, 0, p.buf[ivSize:start], data[ivSize:start])
	static := p.buf[ivSize:][:staticSize]
	if string(static[:6]) != protocolID {
		return DropProtocol
	}
	if binary.BigEndian.Uint16(static[6:]) != version {
		return DropVersion
	}
	p.Flag = Flag(static[8])
	p.Nonce = Nonce(static[9:])
	authdata := int(binary.BigEndian.Uint16(static[9+nonceSize:]))
	if drop := p.Flag.checkAuthdata(authdata, len(data)); drop != DropNone {
		return drop
	}
	p.head = ivSize + staticSize + authdata
	own.xor(&p.scratch, &p.MaskingIV, first/aes.BlockSize, p.buf[start:p.head], data[start:p.head])
	p.Sealed = data[p.head:]
	return p.readAuthdata(p.buf[ivSize+staticSize : p.head])
}

// Challenge returns the challenge data of a WHOAREYOU that was read or written.
func (p *Packet) Challenge() ChallengeData { return ChallengeData(p.buf[:]) }

// Open decrypts the message of a parsed packet under a session's key, appends it
// to dst and returns it with dst. It works in place when dst is p.Sealed[:0]; in a
// packet that is dropped the ciphertext is then lost, and no other key can be tried.
// The only reason to drop is [DropDecrypt]. Without a key (the zero Cipher) it is
// the reason too.
func (p *Packet) Open(dst []byte, c Cipher) ([]byte, Drop) {
	if c.open == nil {
		return dst, DropDecrypt
	}
	message, err := c.open.Open(dst, p.Nonce[:], p.Sealed, p.buf[:p.head])
	if err != nil {
		return dst, DropDecrypt
	}
	return message, DropNone
}

// Seal appends the packet for the node of a mask to b: the header, then m under a
// session's key. The caller sets the header; masking IV and nonce are never used
// twice. Errors leave b as it was: [ErrOversized], [ErrFlag], [ErrRecord],
// [ErrCipher].
func (p *Packet) Seal(b []byte, to Mask, c Cipher, m *Message) ([]byte, error) {
	if p.Flag == Whoareyou {
		return b, ErrFlag
	}
	if c.seal == nil {
		return b, ErrCipher
	}
	if err := p.setHead(m.Size() + tagSize); err != nil {
		return b, err
	}
	start := len(b)
	b = append(b, p.buf[:p.head]...)
	body := len(b)
	b = slices.Grow(m.Append(b), tagSize)
	c.seal.Seal(b[body:body], p.Nonce[:], b[body:], p.buf[:p.head])
	b = b[:len(b)+tagSize]
	p.mask(b[start:], to)
	return b, nil
}

// Encode appends the packet for the node of a mask to b: the header, then Sealed
// as it is. It writes WHOAREYOUs, for which Sealed must be empty, and the random
// bytes that ask a stranger for a challenge (discv5-theory.md, "Step 1"): these
// should be at least 20, and fewer than 16 nobody takes. Errors leave b as it was:
// [ErrOversized], [ErrFlag], [ErrRecord].
func (p *Packet) Encode(b []byte, to Mask) ([]byte, error) {
	if p.Flag == Whoareyou && len(p.Sealed) > 0 {
		return b, ErrFlag
	}
	if err := p.setHead(len(p.Sealed)); err != nil {
		return b, err
	}
	start := len(b)
	b = append(b, p.buf[:p.head]...)
	p.mask(b[start:], to)
	return append(b, p.Sealed...), nil
}

// setHead writes the header to buf, of a packet that will have body bytes after it.
func (p *Packet) setHead(body int) error {
	switch {
	case p.Flag >= numFlags:
		return ErrFlag
	case p.Flag == Handshake && len(p.Record) > enr.MaxSize:
		return ErrRecord
	}
	p.head = len(p.appendTo(p.buf[:0]))
	if p.head+body > MaxPacketSize {
		return ErrOversized
	}
	return nil
}

// mask masks the header at the beginning of a packet.
func (p *Packet) mask(packet []byte, to Mask) {
	to.xor(&p.scratch, &p.MaskingIV, 0, packet[ivSize:p.head], p.buf[ivSize:p.head])
}
