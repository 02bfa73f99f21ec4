package kithnode

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/rawpeer5"
)

// codecAddr is where both ends of a codec's session are for each other.
var codecAddr = netip.MustParseAddrPort("127.0.0.1:30303")

// newCodec measures packets of v5, and for NODES the machine that takes them.
func newCodec(work control.Codec) (control.NewBatch, error) {
	a, err := newEnd()
	if err != nil {
		return nil, err
	}
	b, err := newEnd()
	if err != nil {
		return nil, err
	}
	switch work {
	case control.CodecHandshake:
		const count = 16
		return func() (int, func() error, error) {
			return count, func() error {
				for range count {
					if err := a.handshake(b); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}, nil
	case control.CodecPing:
		if err := a.handshake(b); err != nil {
			return nil, err
		}
		return pings(a, b), nil
	case control.CodecNodes:
		return newAsker(a, b)
	}
	return nil, fmt.Errorf("kithnode: unknown work %q", work)
}

// end is one end of a session.
type end struct {
	key  *secp.PrivateKey
	node *enode.Node
	own  discv5.Mask

	// What the last handshake gave.
	cipher discv5.Cipher
	to     discv5.Mask

	rng     *rand.Rand
	in, out discv5.Packet
	m       discv5.Message
	buf     []byte
}

func newEnd() (e *end, err error) {
	e = &end{rng: newRand()}
	if e.key, err = secp.GenerateKey(); err != nil {
		return nil, err
	}
	if e.node, err = rawpeer5.Node(e.key, codecAddr); err != nil {
		return nil, err
	}
	e.own = discv5.NewMask(e.node.ID())
	return e, nil
}

func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:])
	return rand.New(rand.NewChaCha8(seed))
}

// header sets that of the next packet, with fresh random values.
func (e *end) header(flag discv5.Flag) {
	e.out.Header = discv5.Header{Flag: flag, Src: e.node.ID()}
	e.out.Sealed = nil
	fill(e.rng, e.out.MaskingIV[:])
	fill(e.rng, e.out.Nonce[:])
}

func fill(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

// read parses a packet and demands that it has a flag.
func (e *end) read(packet []byte, want discv5.Flag) error {
	if drop := e.in.Parse(packet, e.own); drop != discv5.DropNone || e.in.Flag != want {
		return fmt.Errorf("kithnode: a %v packet is dropped: %v", want, drop)
	}
	return nil
}

// open decrypts the message of what was read and demands that it is of a kind.
func (e *end) open(want discv5.Kind) error {
	plain, drop := e.in.Open(e.in.Sealed[:0], e.cipher)
	if drop == discv5.DropNone {
		drop = e.m.Decode(plain)
	}
	if drop != discv5.DropNone || e.m.Kind != want {
		return fmt.Errorf("kithnode: a %v is dropped: %v", want, drop)
	}
	return nil
}

// handshake makes a session, which a initiates.
func (a *end) handshake(b *end) (err error) {
	var noise [20]byte
	a.header(discv5.Ordinary)
	fill(a.rng, noise[:])
	a.out.Sealed = noise[:]
	if a.buf, err = a.out.Encode(a.buf[:0], discv5.NewMask(b.node.ID())); err != nil {
		return err
	}
	if err := b.read(a.buf, discv5.Ordinary); err != nil {
		return err
	}
	b.to = discv5.NewMask(b.in.Src)
	b.header(discv5.Whoareyou)
	b.out.Nonce = b.in.Nonce
	fill(b.rng, b.out.IDNonce[:])
	if b.buf, err = b.out.Encode(b.buf[:0], b.to); err != nil {
		return err
	}
	sent := b.out.Challenge()
	if err := a.read(b.buf, discv5.Whoareyou); err != nil {
		return err
	}
	if err := a.initiate(b.node); err != nil {
		return err
	}
	return b.accept(a.buf, &sent)
}

// initiate answers the challenge that was read with a PING, in buf.
func (a *end) initiate(n *enode.Node) error {
	eph, err := secp.ReadOneTimeKey(crand.Reader)
	if err != nil {
		return err
	}
	challenge, pub := a.in.Challenge(), n.PublicKey()
	a.header(discv5.Handshake)
	a.out.Record = a.node.Record().Raw()
	keys, err := a.out.Initiate(a.key, eph, n.ID(), &pub, &challenge)
	if err != nil {
		return err
	}
	a.cipher, a.to = keys.ForInitiator(), discv5.NewMask(n.ID())
	a.buf, err = a.out.Seal(a.buf[:0], a.to, a.cipher, &discv5.Message{Kind: discv5.Ping, ID: discv5.NumberID(1 << 56), Seq: 1})
	return err
}

// accept checks the answer to a challenge, the record in it too, and reads the PING.
func (b *end) accept(packet []byte, sent *discv5.ChallengeData) error {
	if err := b.read(packet, discv5.Handshake); err != nil {
		return err
	}
	r, err := enr.Decode(b.in.Record)
	if err != nil {
		return err
	}
	n, err := enode.FromRecord(r)
	if err != nil || n.ID() != b.in.Src {
		return fmt.Errorf("kithnode: wrong record: %w", err)
	}
	pub := n.PublicKey()
	keys, drop := b.in.Accept(b.key, b.node.ID(), &pub, sent)
	if drop != discv5.DropNone {
		return fmt.Errorf("kithnode: handshake dropped: %v", drop)
	}
	b.cipher = keys.ForRecipient()
	return b.open(discv5.Ping)
}

// pings has b answer a's.
func pings(a, b *end) control.NewBatch {
	const count = 1024
	return func() (int, func() error, error) {
		packets := make([][]byte, count)
		for i := range packets {
			var err error
			a.header(discv5.Ordinary)
			m := discv5.Message{Kind: discv5.Ping, ID: discv5.NumberID(1<<56 + uint64(i)), Seq: 1}
			if packets[i], err = a.out.Seal(nil, a.to, a.cipher, &m); err != nil {
				return 0, nil, err
			}
		}
		return count, func() error {
			for _, packet := range packets {
				if err := b.read(packet, discv5.Ordinary); err != nil {
					return err
				}
				if err := b.open(discv5.Ping); err != nil {
					return err
				}
				var err error
				b.header(discv5.Ordinary)
				b.m = discv5.Message{Kind: discv5.Pong, ID: b.m.ID, Seq: 1, To: codecAddr}
				if b.buf, err = b.out.Seal(b.buf[:0], b.to, b.cipher, &b.m); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}

var errNoAnswer = errors.New("kithnode: a FINDNODE was not answered with three nodes")
