package discv5

import (
	"encoding/binary"
	"errors"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
)

// Flag tells the three forms of packets apart.
type Flag uint8

// The forms of packets (discv5-wire.md, "Packet Encoding").
const (
	Ordinary  Flag = iota // a message under a session's key
	Whoareyou             // a challenge: "I can't read this"
	Handshake             // the answer to a challenge, and a message under the new key

	numFlags = iota
)

func (f Flag) String() string {
	names := [numFlags + 1]string{"ordinary", "WHOAREYOU", "handshake", "unknown"}
	return names[min(f, numFlags)]
}

// Bounds in bytes. Those of packets are from discv5-wire.md, "UDP Communication";
// the smallest packet is a WHOAREYOU. MaxMessageSize is how long an encoded message
// can be in an ordinary packet; MaxHandshakeMessageSize is what a handshake with a
// record of full size leaves.
const (
	MaxPacketSize           = 1280
	MinPacketSize           = ivSize + staticSize + whoareyouSize
	MaxMessageSize          = MaxPacketSize - ivSize - staticSize - ordinarySize - tagSize
	MaxHandshakeMessageSize = MaxPacketSize - maxHeadSize - tagSize
)

const (
	// Sizes of a header's parts in bytes (discv5-wire.md, "Protocol Header").
	ivSize        = 16
	staticSize    = 6 + 2 + 1 + nonceSize + 2 // protocol ID, version, flag, nonce, authdata's size
	nonceSize     = 12
	ordinarySize  = 32                     // source ID
	whoareyouSize = 16 + 8                 // ID nonce, record's sequence number
	handHeadSize  = 32 + 1 + 1             // source ID, sizes of signature and key
	handshakeSize = handHeadSize + 64 + 33 // signature and key of identity scheme "v4"; then a record
	maxHeadSize   = ivSize + staticSize + handshakeSize + enr.MaxSize

	// tagSize is how much longer than its message an AES-GCM ciphertext is.
	tagSize = 16

	protocolID = "discv5"
	version    = 1
)

// Reasons why a packet can't be written. They are the caller's mistakes.
var (
	ErrOversized = errors.New("discv5: packet would be larger than 1280 bytes")
	ErrFlag      = errors.New("discv5: flag is none of the three, or a WHOAREYOU is to carry a message")
	ErrRecord    = errors.New("discv5: record in a handshake is larger than 300 bytes")
	ErrCipher    = errors.New("discv5: message to be sealed without a session's cipher")
)

// Nonce is a packet's number used once: in messages it must never repeat under a
// key; a WHOAREYOU has that of the packet it answers.
type Nonce = [nonceSize]byte

// ChallengeData is the whole of a WHOAREYOU, unmasked. Both sides put it into the
// key derivation and the ID signature (discv5-theory.md, "Handshake Steps").
type ChallengeData [MinPacketSize]byte

// Header is what stands before a packet's message. Which fields below the nonce
// are set depends on Flag.
type Header struct {
	Flag      Flag
	MaskingIV [ivSize]byte // random, of each packet its own
	Nonce     Nonce

	Src enode.ID // ordinary, handshake: who says that it sent the packet

	IDNonce [16]byte // WHOAREYOU: random
	Seq     uint64   // WHOAREYOU: of the record that the challenger has; 0 when it has none

	Signature [64]byte // handshake: ID signature, see [Header.Accept]
	Ephemeral [33]byte // handshake: the initiator's ephemeral public key, compressed
	// Record is the initiator's record, of 300 bytes at most, in a handshake that
	// has one. Nothing in it has been checked. When read, it lies in the Packet and
	// is there until the next Parse or write.
	Record []byte
}

// checkAuthdata decides, by the static header alone, about a packet of size bytes
// with authdata of the given size. What it lets through fits in maxHeadSize.
func (f Flag) checkAuthdata(authdata, size int) Drop {
	rest := size - ivSize - staticSize - authdata
	switch {
	case f >= numFlags:
		return DropFlag
	case f == Ordinary && authdata != ordinarySize,
		f == Whoareyou && authdata != whoareyouSize,
		f == Handshake && (authdata < handshakeSize || authdata > handshakeSize+enr.MaxSize):
		return DropAuthdata
	case f == Whoareyou && rest > 0:
		return DropTrailing
	case rest < 0, f != Whoareyou && rest < tagSize:
		return DropTruncated
	}
	return DropNone
}

// readAuthdata reads authdata that checkAuthdata let through. See the layouts in
// discv5-wire.md under the names of the flags.
func (h *Header) readAuthdata(b []byte) Drop {
	switch h.Flag {
	case Ordinary:
		h.Src = enode.ID(b)
	case Whoareyou:
		h.IDNonce = [16]byte(b)
		h.Seq = binary.BigEndian.Uint64(b[16:])
	case Handshake:
		h.Src = enode.ID(b)
		if int(b[32]) != len(h.Signature) || int(b[33]) != len(h.Ephemeral) {
			return DropAuthdata
		}
		b = b[handHeadSize:]
		b = b[copy(h.Signature[:], b):]
		b = b[copy(h.Ephemeral[:], b):]
		h.Record = b[:len(b):len(b)]
	}
	return DropNone
}

// appendTo writes the header unmasked: the additional data of its message.
func (h *Header) appendTo(b []byte) []byte {
	size := [numFlags]int{ordinarySize, whoareyouSize, handshakeSize + len(h.Record)}[h.Flag]
	b = append(b, h.MaskingIV[:]...)
	b = append(b, protocolID...)
	b = binary.BigEndian.AppendUint16(b, version)
	b = append(b, byte(h.Flag))
	b = append(b, h.Nonce[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	switch h.Flag {
	case Ordinary:
		b = append(b, h.Src[:]...)
	case Whoareyou:
		b = append(b, h.IDNonce[:]...)
		b = binary.BigEndian.AppendUint64(b, h.Seq)
	case Handshake:
		b = append(b, h.Src[:]...)
		b = append(b, byte(len(h.Signature)), byte(len(h.Ephemeral)))
		b = append(b, h.Signature[:]...)
		b = append(b, h.Ephemeral[:]...)
		b = append(b, h.Record...)
	}
	return b
}
