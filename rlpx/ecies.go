package rlpx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"github.com/kithnet/kith/secp"
)

// A handshake packet is its size, a public key, an initialisation vector, the
// encrypted body and a tag (rlpx.md, "ECIES Encryption" and "Initial Handshake").
const (
	sizeLen  = 2
	keyAt    = sizeLen
	ivAt     = keyAt + 65
	bodyAt   = ivAt + aes.BlockSize
	tagLen   = sha256.Size
	overhead = bodyAt - sizeLen + tagLen
)

// Errors of handshake packets.
var (
	ErrPacketSize = errors.New("rlpx: handshake packet has a size that no such packet has")
	ErrPacketKey  = errors.New("rlpx: handshake packet has a key that is not on the curve")
	ErrPacketTag  = errors.New("rlpx: handshake packet is not for this node's key, or was altered")
	ErrPacketBody = errors.New("rlpx: handshake packet does not hold what it must")
)

// seal returns the packet with a body for the holder of to's private key. The key
// r and iv must be used for this packet only.
func seal(to *secp.PublicKey, r secp.OneTimeKey, iv *[aes.BlockSize]byte, body []byte) ([]byte, error) {
	shared, err := r.ECDH(to)
	if err != nil {
		return nil, ErrPacketKey
	}
	p := make([]byte, bodyAt+len(body)+tagLen)
	binary.BigEndian.PutUint16(p, uint16(len(p)-sizeLen))
	p[keyAt] = 4 // both coordinates follow
	pub := r.Public()
	copy(p[keyAt+1:], pub[:])
	copy(p[ivAt:], iv[:])
	end := len(p) - tagLen
	encKey, macKey := packetKeys(&shared)
	crypt(p[bodyAt:end], body, &encKey, iv)
	tag := packetTag(&macKey, p)
	copy(p[end:], tag[:])
	return p, nil
}

// open returns the body of a packet for key, which it decrypts in place.
func open(key *secp.PrivateKey, p []byte) ([]byte, error) {
	if len(p) < bodyAt+tagLen || int(binary.BigEndian.Uint16(p)) != len(p)-sizeLen {
		return nil, ErrPacketSize
	}
	if p[keyAt] != 4 {
		return nil, ErrPacketKey
	}
	shared, err := key.ECDH((*secp.PublicKey)(p[keyAt+1 : ivAt]))
	if err != nil {
		return nil, ErrPacketKey
	}
	encKey, macKey := packetKeys(&shared)
	end := len(p) - tagLen
	tag := packetTag(&macKey, p)
	if subtle.ConstantTimeCompare(tag[:], p[end:]) != 1 {
		return nil, ErrPacketTag
	}
	crypt(p[bodyAt:end], p[bodyAt:end], &encKey, (*[aes.BlockSize]byte)(p[ivAt:bodyAt]))
	return p[bodyAt:end], nil
}

// packetKeys derives the keys for encryption and tag from the shared point: the
// concatenation KDF of NIST SP 800-56A, one round of SHA-256 over a counter and the
// x coordinate, whose second half is hashed once more for the tag.
func packetKeys(shared *[33]byte) (enc [16]byte, mac [sha256.Size]byte) {
	in := [4 + 32]byte{3: 1}
	copy(in[4:], shared[1:])
	k := sha256.Sum256(in[:])
	return [16]byte(k[:16]), sha256.Sum256(k[16:])
}

func crypt(dst, src []byte, key *[16]byte, iv *[aes.BlockSize]byte) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	cipher.NewCTR(block, iv[:]).XORKeyStream(dst, src)
}

// packetTag authenticates vector, encrypted body and, though it comes first, size.
func packetTag(key *[sha256.Size]byte, p []byte) (tag [tagLen]byte) {
	h := hmac.New(sha256.New, key[:])
	h.Write(p[ivAt : len(p)-tagLen])
	h.Write(p[:sizeLen])
	h.Sum(tag[:0])
	return tag
}
