package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/rlpx"
)

// Protocol is an upper-layer protocol of a simulated Server.
type Protocol struct {
	Name    string
	Version uint64
	Length  uint64 // number of message codes: 0 to Length-1
	// Run speaks the protocol with one peer, as p2p.Protocol's does, and with the same
	// connection. It runs in its host's turn only, on a stack of its own: it may wait
	// by the methods of rw and peer alone, and must not start goroutines or read
	// clocks. When it returns, the peer is dropped. Nil: it waits until the peer ends.
	Run func(ctx context.Context, peer *Session, rw p2p.MsgReadWriter) error
}

// Cap returns the protocol's name and version.
func (p *Protocol) Cap() rlpx.Cap { return rlpx.Cap{Name: p.Name, Version: p.Version} }

func capsOf(list []*Protocol) (caps []rlpx.Cap) {
	for _, p := range list {
		caps = append(caps, p.Cap())
	}
	return caps
}

// match returns the protocols in common, in the order of their message codes.
func match(own []*Protocol, theirs []rlpx.Cap) (list []*Protocol) {
	for _, c := range rlpx.Match(capsOf(own), theirs) {
		i := slices.IndexFunc(own, func(p *Protocol) bool { return p.Cap() == c })
		list = append(list, own[i])
	}
	return list
}

// Session is what a protocol knows of the peer that it speaks with.
type Session struct {
	server *server
	conn   *conn
	run    *speaker
}

// Self returns the own host.
func (p *Session) Self() *Host { return p.server.host }

// Node returns the peer's node.
func (p *Session) Node() *enode.Node { return p.conn.other.node }

// Inbound reports whether the peer has connected by itself.
func (p *Session) Inbound() bool { return p.conn.inbound }

// Clock returns the host's time.
func (p *Session) Clock() time.Time { return p.server.host.Clock() }

// Useful says that the peer is of use: it is not dropped to make room for another.
func (p *Session) Useful() { p.server.core.Useful(p.conn.slot.ID) }

// maxInbox bounds the messages that wait for a protocol to read them: with more the
// peer is dropped. TCP would have its sender wait.
const maxInbox = 1024

var (
	errInbox    = errors.New("sim: a protocol does not read what it is sent")
	errCode     = errors.New("sim: message code out of the protocol's range")
	errProtocol = errors.New("sim: protocol failed")
)

// speaker is a protocol that runs with a peer.
type speaker struct {
	server *server
	conn   *conn
	proto  *Protocol
	offset uint64 // of its message codes
	inbox  []p2p.Msg
	ctx    context.Context
	cancel context.CancelFunc
	yield  func(struct{}) bool
	next   func() (struct{}, bool)
	stop   func()
	until  int64 // when it wakes; forEver: it waits for a message
	why    error // of its end
}

// run starts a peer's protocols.
func (c *conn) run(s *server, list []*Protocol) {
	offset := uint64(rlpx.BaseCodes)
	for _, p := range list {
		k := &speaker{server: s, conn: c, proto: p, offset: offset, until: forEver}
		if offset += p.Length; p.Run == nil {
			continue
		}
		k.ctx, k.cancel = context.WithCancel(context.Background())
		k.next, k.stop = iter.Pull(k.body)
		c.speaks = append(c.speaks, k)
	}
	for _, k := range slices.Clone(c.speaks) {
		if !c.ended {
			k.resume()
		}
	}
}

// body is what the protocol's stack runs.
func (k *speaker) body(yield func(struct{}) bool) {
	k.yield = yield
	defer func() {
		if v := recover(); v != nil {
			k.why = fmt.Errorf("%w: %s panicked: %v", errProtocol, k.proto.Name, v)
		}
	}()
	if k.why = k.proto.Run(k.ctx, &Session{k.server, k.conn, k}, k); k.why == nil {
		k.why = errDone
	}
}

var errDone = errors.New("sim: a protocol is done")

// resume lets the protocol go on until it waits again, or has ended.
func (k *speaker) resume() {
	if _, more := k.next(); more {
		return
	}
	k.server.nap = slices.DeleteFunc(k.server.nap, func(o *speaker) bool { return o == k })
	if !errors.Is(k.why, errDone) {
		k.server.core.Useless(k.conn.other.node.ID())
	}
	k.server.bye(k.conn, k.why)
}

// quiet ends a connection's protocols.
func (c *conn) quiet() {
	for _, k := range c.speaks {
		k.cancel()
		k.server.nap = slices.DeleteFunc(k.server.nap, func(o *speaker) bool { return o == k })
		if k.why == nil {
			k.stop()
		}
	}
	c.speaks = nil
}

// deliver gives a message to its protocol.
func (c *conn) deliver(s *server, seg *segment) {
	i := slices.IndexFunc(c.speaks, func(k *speaker) bool { return seg.code-k.offset < k.proto.Length })
	if i < 0 {
		s.bye(c, errCode)
		return
	}
	k := c.speaks[i]
	if len(k.inbox) >= maxInbox {
		s.bye(c, errInbox)
		return
	}
	k.inbox = append(k.inbox, p2p.Msg{Code: seg.code - k.offset, Payload: seg.payload})
	if k.until == forEver {
		k.resume()
	}
}

// rouse lets go on who has slept long enough.
func (s *server) rouse(at int64) {
	for _, k := range slices.Clone(s.nap) {
		if k.until <= at && !k.conn.ended {
			k.until = forEver
			s.nap = slices.DeleteFunc(s.nap, func(o *speaker) bool { return o == k })
			k.resume()
		}
	}
}

// wait gives the turn back. It reports whether to go on.
func (k *speaker) wait() error {
	if k.conn.ended || !k.yield(struct{}{}) || k.conn.ended {
		return context.Canceled
	}
	return nil
}

// ReadMsg implements p2p.MsgReadWriter.
func (k *speaker) ReadMsg(ctx context.Context) (p2p.Msg, error) {
	for len(k.inbox) == 0 {
		if err := cmp.Or(ctx.Err(), k.wait()); err != nil {
			return p2p.Msg{}, err
		}
	}
	m := k.inbox[0]
	k.inbox = k.inbox[1:]
	return m, nil
}

// WriteMsg implements p2p.MsgReadWriter.
func (k *speaker) WriteMsg(ctx context.Context, code uint64, payload []byte) error {
	if k.conn.ended {
		return context.Canceled
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if code >= k.proto.Length {
		return errCode
	}
	k.server.tell(k.conn, 0, segment{kind: segData, code: k.offset + code, payload: slices.Clone(payload)})
	return nil
}

// Sleep waits. It returns early, with an error, when the peer ends.
func (p *Session) Sleep(d time.Duration) error {
	k := p.run
	k.until = p.server.host.at + int64(min(max(d, 1), MaxAge))
	p.server.nap = append(p.server.nap, k)
	for k.until != forEver {
		if err := k.wait(); err != nil {
			return err
		}
	}
	return nil
}
