package sim

import (
	"fmt"
	"slices"

	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/rlpx"
)

// realRLPx is one side of the real thing, for streams of a World whose packets pass as
// bytes. Messages are not compressed.
type realRLPx struct {
	handshake *rlpx.Handshake
	framer    *rlpx.Framer
	ack       []byte // to be sent
}

// seal makes a segment's bytes.
func (c *conn) seal(h *Host, seg *segment) {
	var err error
	switch seg.kind {
	case segAuth:
		c.rlpx = new(realRLPx)
		if c.rlpx.handshake, err = rlpx.Initiate(h.key, c.other.pub, keyReader{&h.secrets}); err == nil {
			seg.bytes = slices.Clone(c.rlpx.handshake.Auth()) // it is opened in place
		}
	case segAck:
		seg.bytes = slices.Clone(c.rlpx.ack)
	case segHello:
		hello := rlpx.Hello{Version: rlpx.Version, Client: "sim", Caps: seg.caps, ID: h.pub}
		seg.bytes, err = c.rlpx.framer.AppendFrame(nil, rlpx.CodeHello, hello.Append(nil))
	case segData:
		seg.bytes, err = c.rlpx.framer.AppendFrame(nil, seg.code, seg.payload)
	}
	if err != nil {
		seg.bytes = []byte{} // the other side will find it bad
	}
	if seg.bytes != nil {
		seg.caps, seg.payload = nil, nil
	}
}

// open reads a segment's bytes. The error is peering.HandshakeFailed, and why.
func (c *conn) open(h *Host, seg *segment) error {
	err := c.read(h, seg)
	if err != nil {
		return fmt.Errorf("%w: %w", peering.HandshakeFailed, err)
	}
	return nil
}

func (c *conn) read(h *Host, seg *segment) (err error) {
	switch seg.kind {
	case segAuth:
		c.rlpx = &realRLPx{handshake: rlpx.Answer(h.key)}
		if c.rlpx.ack, err = c.rlpx.handshake.HandleAuth(seg.bytes, keyReader{&h.secrets}); err != nil {
			return err
		}
	case segAck:
		if err = c.rlpx.handshake.HandleAck(seg.bytes); err != nil {
			return err
		}
	case segHello, segData:
		return c.readFrame(seg)
	}
	if c.rlpx.handshake.Remote() != c.other.pub {
		return rlpx.ErrIdentity
	}
	c.rlpx.framer = c.rlpx.handshake.Framer()
	return nil
}

func (c *conn) readFrame(seg *segment) error {
	size := -1
	var data []byte
	err := rlpx.ErrFrameSize
	if len(seg.bytes) >= rlpx.HeaderLen {
		size, err = c.rlpx.framer.OpenHeader(seg.bytes[:rlpx.HeaderLen], rlpx.MaxMessage)
	}
	if err == nil && len(seg.bytes) == rlpx.HeaderLen+rlpx.BodyLen(size) {
		data, err = c.rlpx.framer.OpenBody(seg.bytes[rlpx.HeaderLen:], size)
	}
	if err != nil {
		return err
	}
	cur := rlp.NewCursor(data)
	seg.code, seg.payload = cur.Uint64(), cur.Rest()
	if err := cur.Err(); err != nil || seg.kind != segHello {
		return err
	}
	hello, err := rlpx.ParseHello(seg.payload)
	if err != nil {
		return err
	}
	if seg.caps = hello.Caps; hello.ID != c.other.pub {
		return rlpx.ErrIdentity
	}
	return nil
}
