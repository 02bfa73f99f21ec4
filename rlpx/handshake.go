package rlpx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

const (
	nonceLen = 32

	// handshakeVersion is what both packets say; nobody may look at it (EIP-8).
	handshakeVersion = 4

	// The shortest bodies there can be: the list's header and its elements with
	// their headers, the version in one byte.
	minAuthBody = 2 + (2 + 65) + (2 + 64) + (1 + nonceLen) + 1
	minAckBody  = 2 + (2 + 64) + (1 + nonceLen) + 1

	// maxPacket bounds a handshake packet. EIP-8 recommends 100 to 300 bytes of
	// padding, so that real ones have 400 to 700 bytes; go-ethereum's limit is
	// that of the size field.
	maxPacket = 2048

	// Padding hides what version a packet is of. EIP-8 recommends these lengths.
	minPadding, maxPadding = 100, 300
)

// ErrSignature means that the sender of an auth packet does not hold the key that
// it says.
var ErrSignature = errors.New("rlpx: handshake signature fits no key")

// Handshake is one side of an encryption handshake, on bytes. The initiator sends
// Auth's packet and gives the answer to HandleAck, the recipient gives what comes
// to HandleAuth and sends the packet that it returns. Then both have a Framer.
type Handshake struct {
	key       *secp.PrivateKey
	remote    secp.PublicKey
	ephemeral secp.OneTimeKey
	nonce     [nonceLen]byte
	auth      []byte // as sent or received: the MACs begin with it

	framer *Framer
}

// random is what a side of a handshake draws.
type random struct {
	ephemeral secp.OneTimeKey // for the session's secrets
	packet    secp.OneTimeKey // for the packet's encryption
	nonce     [nonceLen]byte
	iv        [16]byte
	padding   int
}

func draw(rand io.Reader) (r random, err error) {
	if r.ephemeral, err = secp.ReadOneTimeKey(rand); err != nil {
		return r, fmt.Errorf("rlpx: %w", err)
	}
	if r.packet, err = secp.ReadOneTimeKey(rand); err != nil {
		return r, fmt.Errorf("rlpx: %w", err)
	}
	var more [nonceLen + 16 + 2]byte
	if _, err := io.ReadFull(rand, more[:]); err != nil {
		return r, fmt.Errorf("rlpx: %w", err)
	}
	copy(r.nonce[:], more[:])
	copy(r.iv[:], more[nonceLen:])
	n := int(binary.BigEndian.Uint16(more[nonceLen+16:]))
	r.padding = minPadding + n%(maxPadding-minPadding+1)
	return r, nil
}

// Initiate begins a handshake with the node that has the key remote. The error is
// ErrPacketKey when that is no key, or the random source's.
func Initiate(key *secp.PrivateKey, remote secp.PublicKey, rand io.Reader) (*Handshake, error) {
	r, err := draw(rand)
	if err != nil {
		return nil, err
	}
	return initiate(key, remote, &r)
}

func initiate(key *secp.PrivateKey, remote secp.PublicKey, r *random) (*Handshake, error) {
	h := &Handshake{key: key, remote: remote, ephemeral: r.ephemeral, nonce: r.nonce}
	token, err := h.token(&r.nonce)
	if err != nil {
		return nil, err
	}
	sig := r.ephemeral.Sign(&token)
	pub := key.Public()
	body := make([]byte, 0, minAuthBody+r.padding)
	body = rlp.AppendString(body, sig[:])
	body = rlp.AppendString(body, pub[:])
	body = rlp.AppendString(body, r.nonce[:])
	body = rlp.AppendUint(body, handshakeVersion)
	body = rlp.WrapList(body, 0)
	h.auth, err = seal(&remote, r.packet, &r.iv, append(body, make([]byte, r.padding)...))
	return h, err
}

// Answer begins a handshake as the side that was dialed.
func Answer(key *secp.PrivateKey) *Handshake { return &Handshake{key: key} }

// Auth returns the initiator's packet.
func (h *Handshake) Auth() []byte { return h.auth }

// Remote returns the other side's key: the initiator has dialed it, the recipient
// knows it after HandleAuth.
func (h *Handshake) Remote() secp.PublicKey { return h.remote }

// Framer returns what encrypts and decrypts the frames, once the handshake is done.
func (h *Handshake) Framer() *Framer { return h.framer }

// PacketSize returns how many bytes follow the first two of the packet that h waits
// for. The error is ErrPacketSize.
func (h *Handshake) PacketSize(first [sizeLen]byte) (int, error) {
	size := int(binary.BigEndian.Uint16(first[:]))
	if sizeLen+size < h.leastPacket() || sizeLen+size > maxPacket {
		return 0, fmt.Errorf("%w: %d bytes", ErrPacketSize, size)
	}
	return size, nil
}

// leastPacket returns the length of the shortest packet that h can be waiting for.
func (h *Handshake) leastPacket() int {
	if h.auth != nil {
		return sizeLen + overhead + minAckBody
	}
	return sizeLen + overhead + minAuthBody
}

// HandleAuth takes the initiator's packet, with its size, and returns the answer.
// It decrypts the packet in place. Errors: those of packets, ErrSignature, or the
// random source's.
func (h *Handshake) HandleAuth(packet []byte, rand io.Reader) (ack []byte, err error) {
	h.auth = append([]byte(nil), packet...)
	body, err := open(h.key, packet)
	if err != nil {
		return nil, err
	}
	sig, nonce, err := h.readAuth(body)
	if err != nil {
		return nil, err
	}
	token, err := h.token(&nonce)
	if err != nil {
		return nil, err
	}
	r, err := draw(rand)
	if err != nil {
		return nil, err
	}
	// The initiator's ephemeral key, which its signature stands for, is needed for
	// nothing else.
	shared, err := r.ephemeral.ECDHSigner(&token, &sig)
	if err != nil {
		return nil, ErrSignature
	}
	return h.answer(&r, &shared, &nonce)
}

// answer makes the recipient's packet and secrets.
func (h *Handshake) answer(r *random, shared *[33]byte, remoteNonce *[nonceLen]byte) ([]byte, error) {
	pub := r.ephemeral.Public()
	body := make([]byte, 0, minAckBody+r.padding)
	body = rlp.AppendString(body, pub[:])
	body = rlp.AppendString(body, r.nonce[:])
	body = rlp.AppendUint(body, handshakeVersion)
	body = rlp.WrapList(body, 0)
	ack, err := seal(&h.remote, r.packet, &r.iv, append(body, make([]byte, r.padding)...))
	if err != nil {
		return nil, err
	}
	s := derive(shared, remoteNonce, &r.nonce)
	h.framer = newFramer(&s, s.macState(&r.nonce, h.auth), s.macState(remoteNonce, ack), false)
	return ack, nil
}

// HandleAck takes the recipient's packet, with its size, which it decrypts in
// place. Errors: those of packets.
func (h *Handshake) HandleAck(packet []byte) error {
	ack := append([]byte(nil), packet...)
	body, err := open(h.key, packet)
	if err != nil {
		return err
	}
	c := rlp.NewCursor(body) // what is behind the list is padding
	list := c.List()
	var remote secp.PublicKey
	var nonce [nonceLen]byte
	list.Fixed(remote[:])
	list.Fixed(nonce[:])
	if c.Err() != nil || list.Err() != nil {
		return ErrPacketBody
	}
	shared, err := h.ephemeral.ECDH(&remote)
	if err != nil {
		return ErrPacketKey
	}
	s := derive(&shared, &h.nonce, &nonce)
	h.framer = newFramer(&s, s.macState(&nonce, h.auth), s.macState(&h.nonce, ack), true)
	return nil
}

// readAuth reads the elements that are there since EIP-8. Further ones, the
// version and the padding are nobody's business.
func (h *Handshake) readAuth(body []byte) (sig secp.Signature, nonce [nonceLen]byte, err error) {
	c := rlp.NewCursor(body)
	list := c.List()
	list.Fixed(sig[:])
	list.Fixed(h.remote[:])
	list.Fixed(nonce[:])
	if c.Err() != nil || list.Err() != nil {
		return sig, nonce, ErrPacketBody
	}
	return sig, nonce, nil
}

// token is what the initiator signs with its ephemeral key: only the two sides can
// know it.
func (h *Handshake) token(nonce *[nonceLen]byte) (token [32]byte, err error) {
	shared, err := h.key.ECDH(&h.remote)
	if err != nil {
		return token, ErrPacketKey
	}
	for i := range token {
		token[i] = shared[1+i] ^ nonce[i]
	}
	return token, nil
}

// secrets are the session's keys.
type secrets struct{ aes, mac [32]byte }

// derive makes the secrets from the point that the ephemeral keys agree on and the
// nonces of the initiator and the recipient.
func derive(point *[33]byte, initiator, recipient *[nonceLen]byte) (s secrets) {
	ephemeral := point[1:]
	nonces := secp.Keccak256(recipient[:], initiator[:])
	shared := secp.Keccak256(ephemeral, nonces[:])
	s.aes = secp.Keccak256(ephemeral, shared[:])
	s.mac = secp.Keccak256(ephemeral, s.aes[:])
	return s
}

// macState begins the MAC of one direction: with the nonce of its receiver and the
// handshake packet of its sender.
func (s *secrets) macState(nonce *[nonceLen]byte, packet []byte) (h secp.Hasher) {
	var begin [32]byte
	for i := range begin {
		begin[i] = s.mac[i] ^ nonce[i]
	}
	h.Write(begin[:])
	h.Write(packet)
	return h
}
