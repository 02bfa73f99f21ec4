package rlpx

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/kithnet/kith/internal/bufpool"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// MaxMessage is the most bytes of content that a message may have, before
// compression (rlpx.md, "Message Encoding").
const MaxMessage = 1<<24 - 1

// Errors of messages. After one from a read, a connection reads no more.
var (
	ErrMessageSize = errors.New("rlpx: message too large")
	ErrMessage     = errors.New("rlpx: frame holds no message")
	ErrIdentity    = errors.New("rlpx: Hello names another node than the handshake")
)

// Conn is an RLPx connection. One goroutine may read while any others write.
type Conn struct {
	conn   net.Conn
	remote secp.PublicKey
	framer *Framer
	snappy bool

	reader reader
	limit  int // of the next message's frame

	outMu    sync.Mutex
	out      *[]byte    // frames to be sent
	flushMu  sync.Mutex // held through a write; taken before outMu
	writeErr error      // sticky: what follows half a frame is noise
}

// Dial makes the encryption handshake on a connection that was dialed to reach the
// node with the key remote. When ctx ends first, its error is returned. The
// connection stays the caller's to close after an error.
func Dial(ctx context.Context, conn net.Conn, key *secp.PrivateKey, remote secp.PublicKey) (*Conn, error) {
	h, err := Initiate(key, remote, rand.Reader)
	if err != nil {
		return nil, err
	}
	var beyond []byte
	err = within(ctx, conn, func() error {
		if _, err := conn.Write(h.Auth()); err != nil {
			return err
		}
		var ack []byte
		if ack, beyond, err = readPacket(conn, h); err != nil {
			return err
		}
		return h.HandleAck(ack)
	})
	if err != nil {
		return nil, err
	}
	return newConn(conn, h, beyond), nil
}

// Accept makes the encryption handshake on a connection that was accepted.
func Accept(ctx context.Context, conn net.Conn, key *secp.PrivateKey) (*Conn, error) {
	h := Answer(key)
	var beyond []byte
	err := within(ctx, conn, func() (err error) {
		var auth []byte
		if auth, beyond, err = readPacket(conn, h); err != nil {
			return err
		}
		ack, err := h.HandleAuth(auth, rand.Reader)
		if err != nil {
			return err
		}
		_, err = conn.Write(ack)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newConn(conn, h, beyond), nil
}

// newConn makes the connection after a handshake; beyond, at most aheadRead bytes, is
// what was read of its first frames.
func newConn(conn net.Conn, h *Handshake, beyond []byte) *Conn {
	c := &Conn{conn: conn, remote: h.Remote(), framer: h.Framer(), reader: reader{src: netio.NewLentReader(conn)}, limit: maxHello}
	if len(beyond) > 0 {
		c.reader.buf = bufpool.Take(smallRead)
		c.reader.have = append(*c.reader.buf, beyond...)
	}
	return c
}

// aheadRead is how much of the first frames is read together with a handshake's packet.
const aheadRead = 512

// readPacket reads the packet that h waits for, in one call if all of it has come.
// What it reads beyond the packet is no more than aheadRead bytes.
func readPacket(conn net.Conn, h *Handshake) (packet, beyond []byte, err error) {
	b := make([]byte, h.leastPacket()+aheadRead)
	have, err := io.ReadAtLeast(conn, b, sizeLen)
	if err != nil {
		return nil, nil, err
	}
	size, err := h.PacketSize([sizeLen]byte(b))
	if err != nil {
		return nil, nil, err
	}
	size += sizeLen
	if size > len(b) {
		b = append(b, make([]byte, size-len(b))...)
	}
	if have < size {
		_, err = io.ReadFull(conn, b[have:size])
		have = size
	}
	return b[:size:size], b[size:have], err
}

// lastWrite is how long a write may take after the reading has failed.
const lastWrite = 100 * time.Millisecond

// longAgo is a deadline that ends what is under way.
var longAgo = time.Unix(1, 0)

// within runs f, whose reads and writes on conn end when ctx does.
func within(ctx context.Context, conn net.Conn, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })
	err := f()
	if stop() {
		return err
	}
	// It ended meanwhile, and the deadline is, or will be, set.
	if err == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// SetSnappy says whether messages are compressed, without a protocol handshake.
func (c *Conn) SetSnappy(on bool) { c.snappy, c.limit = on, MaxFrame }

// Remote returns the other side's key.
func (c *Conn) Remote() secp.PublicKey { return c.remote }

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.conn }

// Close closes the connection below. Whoever reads must have ended before memory
// is given back, so it is not done here.
func (c *Conn) Close() error { return c.conn.Close() }

// Hello makes the protocol handshake: it sends own and returns what the other side
// sends. From then on messages are compressed, if both sides say version 5 or more.
// Errors: a DiscReason when the other side disconnects instead, ErrHello,
// ErrIdentity, those of frames, and of ctx.
func (c *Conn) Hello(ctx context.Context, own *Hello) (*Hello, error) {
	var theirs *Hello
	err := within(ctx, c.conn, func() error {
		// Both sides begin with sending: on a connection without a buffer they
		// would wait for each other.
		written := make(chan error, 1)
		go func() { written <- c.WriteMsg(CodeHello, own.Append(nil)) }()
		var err error
		if theirs, err = c.readHello(); err == nil {
			return <-written
		}
		stop := time.AfterFunc(lastWrite, func() { c.conn.SetWriteDeadline(longAgo) })
		<-written // the caller may want to say why it gives up
		stop.Stop()
		return err
	})
	if err != nil {
		return nil, err
	}
	c.SetSnappy(own.Version >= snappyVersion && theirs.Version >= snappyVersion)
	return theirs, nil
}

func (c *Conn) readHello() (*Hello, error) {
	code, content, err := c.ReadMsg()
	switch {
	case err != nil:
		return nil, err
	case code == CodeDisconnect:
		return nil, ParseDisconnect(content)
	case code != CodeHello:
		return nil, fmt.Errorf("%w: message 0x%02x came instead", ErrHello, code)
	}
	h, err := ParseHello(content)
	if err != nil {
		return nil, err
	}
	if h.ID != c.remote {
		return nil, ErrIdentity
	}
	return h, nil
}

// ReadMsg returns the next message. The content is valid until the next call, and
// may be changed. That of a Disconnect is not decompressed: ParseDisconnect takes
// both.
func (c *Conn) ReadMsg() (code uint64, content []byte, err error) {
	data, err := c.reader.next(c.framer, c.limit)
	if err != nil {
		return 0, nil, err
	}
	cur := rlp.NewCursor(data)
	code = cur.Uint64()
	content = cur.Rest()
	if cur.Err() != nil {
		return 0, nil, c.fail(ErrMessage)
	}
	if !c.snappy || code == CodeDisconnect {
		return code, content, nil
	}
	size, err := snappy.DecodedLen(content)
	if err != nil {
		return 0, nil, c.fail(fmt.Errorf("%w: %w", ErrMessage, err))
	}
	if size > MaxMessage {
		return 0, nil, c.fail(ErrMessageSize)
	}
	c.reader.plain = bufpool.Take(size)
	plain := *c.reader.plain
	if content, err = snappy.Decode(plain[:cap(plain)], content); err != nil {
		return 0, nil, c.fail(fmt.Errorf("%w: %w", ErrMessage, err))
	}
	return code, content, nil
}

// Await waits until something has come that ReadMsg has not returned. It needs little
// stack, and the connection holds little memory meanwhile: who has nobody else to read
// for waits here. The last message's content is not valid any more.
func (c *Conn) Await() error { return c.reader.await() }

// Rest gives up what is made anew when the next message comes or goes, some 2 KiB, of
// each direction that was not in use since the last call. It may be called by any
// goroutine at any time, once every few seconds say: idle connections have little
// else that takes memory.
func (c *Conn) Rest() {
	c.outMu.Lock()
	c.framer.out.rest()
	c.outMu.Unlock()
	c.reader.mu.Lock()
	c.framer.in.rest()
	c.reader.mu.Unlock()
}

// Unread reports whether ReadMsg has something to go on with, without waiting.
func (c *Conn) Unread() bool { return len(c.reader.have) > 0 }

// fail ends all reading.
func (c *Conn) fail(err error) error {
	c.reader.err = err
	c.reader.close()
	return err
}

// Append adds a message to those that Flush sends. Errors: ErrMessageSize, also when
// it is too large once compressed; nothing is added then.
func (c *Conn) Append(code uint64, content []byte) error {
	if len(content) > MaxMessage {
		return ErrMessageSize
	}
	if c.snappy {
		packed := bufpool.Take(snappy.MaxEncodedLen(len(content)))
		defer bufpool.Give(packed)
		content = snappy.Encode((*packed)[:cap(*packed)], content)
	}
	size := HeaderLen + BodyLen(len(content)+rlp.UintSize(code))
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if c.out == nil {
		c.out = bufpool.Take(size)
	}
	c.out = bufpool.Grow(c.out, len(*c.out)+size)
	out, err := c.framer.AppendFrame(*c.out, code, content)
	*c.out = out
	if err != nil {
		return ErrMessageSize
	}
	return nil
}

// Buffered returns how many bytes Flush would send.
func (c *Conn) Buffered() int {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if c.out == nil {
		return 0
	}
	return len(*c.out)
}

// Flush sends all that was appended, in one call. After an error nothing is sent any
// more.
func (c *Conn) Flush() error {
	c.flushMu.Lock()
	defer c.flushMu.Unlock()
	c.outMu.Lock()
	out := c.out
	c.out = nil
	c.outMu.Unlock()
	if out != nil && c.writeErr == nil {
		_, c.writeErr = c.conn.Write(*out)
	}
	bufpool.Give(out)
	return c.writeErr
}

// WriteMsg is Append and Flush.
func (c *Conn) WriteMsg(code uint64, content []byte) error {
	if err := c.Append(code, content); err != nil {
		return err
	}
	return c.Flush()
}

// Disconnect tells the other side why the connection ends. It does not close it.
func (c *Conn) Disconnect(r DiscReason) error {
	return c.WriteMsg(CodeDisconnect, appendReason(nil, r))
}
