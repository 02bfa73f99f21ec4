package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/peering"
	"github.com/kithnet/kith/rlpx"
)

const (
	// pingEvery is how often a silent peer is pinged, and silence how long it may
	// say nothing: go-ethereum's values.
	pingEvery = 15 * time.Second
	silence   = 30 * time.Second

	// flushTime bounds one write to the system, and three quarters of it are granted:
	// a peer that takes nothing for so long is gone.
	flushTime = 20 * time.Second

	// partingTime bounds the last write, which tells why.
	partingTime = time.Second

	// maxUnsent is how many bytes may wait to be sent to a peer before its
	// protocols have to.
	maxUnsent = 256 << 10
)

var errCode = errors.New("p2p: message code out of the protocol's range")

// Peer is a connected node.
type Peer struct {
	srv    *Server
	conn   Transport
	slot   *peering.Conn
	node   *enode.Node
	client string
	caps   []rlpx.Cap
	port   uint64 // where it listens, as it says; 0: it doesn't, or doesn't say
	protos []*protoRW
	stays  bool // it is not reconnected when protocols change; guarded by srv.mu
	since  time.Time

	heard atomic.Int64 // when something came last, in nanoseconds of the Server
	check int64        // when to see whether it is silent, likewise; of tend
	await func()       // p.awaitMsg, so that to start it takes no memory
	read  func()       // p.readAll, likewise

	writing  sync.Mutex      // held while a message is handed over
	queue    []chan struct{} // of those who wait with one, in order; guarded by writing
	queued   atomic.Bool     // somebody is in it
	spare    chan struct{}   // of who has waited last, for the next; likewise
	flushing atomic.Bool     // flush runs
	flush    func()          // p.flushAll, so that to start it takes no memory
	deadline int64           // of writes, in nanoseconds of the Server; of flush

	wg sync.WaitGroup // of the protocols

	ctx    context.Context // of the protocols
	cancel context.CancelFunc
	closed <-chan struct{} // of ctx: the peer ends
	once   sync.Once
	err    error // why; set before closed is closed
	remote bool  // the other side ended it

	gone  bool          // its place is free; guarded by srv.mu
	freed chan struct{} // closed then; nil while nobody waits for it; guarded by srv.mu
}

// newPeer returns a peer whose handshakes are yet to be made.
func newPeer(s *Server, n *enode.Node, static bool) *Peer {
	p := &Peer{srv: s, node: n, slot: &peering.Conn{Inbound: n == nil, Static: static}}
	p.await, p.read, p.flush = p.awaitMsg, p.readAll, p.flushAll
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.closed = p.ctx.Done()
	return p
}

// Node returns the peer's node: the one that was dialed, or what is known of one
// that connected by itself, with the port that it has connected from.
func (p *Peer) Node() *enode.Node { return p.node }

// ID returns the peer's ID.
func (p *Peer) ID() enode.ID { return p.slot.ID }

// Client returns the name and version of the peer's software, as it says.
func (p *Peer) Client() string { return p.client }

// Caps returns all protocols that the peer speaks, as it says.
func (p *Peer) Caps() []rlpx.Cap { return p.caps }

// Inbound reports whether the peer has connected by itself.
func (p *Peer) Inbound() bool { return p.slot.Inbound }

// RemoteAddr returns where the peer is.
func (p *Peer) RemoteAddr() net.Addr { return p.conn.NetConn().RemoteAddr() }

// Since returns when it became a peer.
func (p *Peer) Since() time.Time { return p.since }

// Running returns the protocols that run with the peer.
func (p *Peer) Running() (caps []rlpx.Cap) {
	for _, rw := range p.protos {
		caps = append(caps, rw.proto.Cap())
	}
	return caps
}

// Done is closed when the peer begins to end.
func (p *Peer) Done() <-chan struct{} { return p.closed }

// Err returns why the peer has ended, nil while it has not. A rlpx.DiscReason was
// said by one side to the other.
func (p *Peer) Err() error {
	select {
	case <-p.closed:
		return p.err
	default:
		return nil
	}
}

// Disconnect ends the connection, telling the peer why.
func (p *Peer) Disconnect(reason rlpx.DiscReason) { p.end(reason, false) }

// Useful says that the peer is of use: it is not dropped to make room for another.
func (p *Peer) Useful() {
	p.srv.do(func(c *peering.Core) { c.Useful(p.ID()) })
}

// longAgo is a deadline that ends what is under way.
var longAgo = time.Unix(1, 0)

func (p *Peer) end(err error, remote bool) {
	p.once.Do(func() {
		p.err, p.remote = err, remote
		p.conn.NetConn().SetReadDeadline(longAgo) // before part sets another
		p.cancel()
	})
}

// begin starts what a peer has running. An idle peer has a goroutine that waits for
// messages and one for each protocol. Reading and writing take others while there is
// something to read or write: their stacks grow beyond the least, and would stay so. So
// would the first with more on it than awaitMsg.
func (p *Peer) begin() {
	for _, rw := range p.protos {
		p.wg.Add(1)
		go rw.run()
	}
	go p.await()
}

// awaitMsg waits until something comes, has it read, and ends. When nothing comes any
// more it is the peer's end, and nothing is left of it then but protocols that don't
// end with their context.
func (p *Peer) awaitMsg() {
	if p.Err() == nil {
		err := p.conn.Await()
		if err == nil {
			go p.read()
			return
		}
		p.end(err, false)
	}
	p.finish()
}

// readAll reads what has come.
func (p *Peer) readAll() {
	for p.readMsg() && p.conn.Unread() {
	}
	go p.await()
}

// finish ends what a peer has running.
func (p *Peer) finish() {
	p.part()
	p.conn.NetConn().Close()
	gone := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(lingerTime):
		p.srv.log.Warn("a protocol does not end with its context", "peer", p.ID().Short(), "caps", p.Running())
	}
	p.srv.forget(p)
}

// part tells the other side why, unless it has told us.
func (p *Peer) part() {
	if p.remote {
		return
	}
	conn := p.conn.NetConn()
	conn.SetDeadline(time.Now().Add(partingTime))
	if p.conn.Disconnect(reasonOf(p.err)) != nil {
		return
	}
	// Closing a connection with unread data would take the message back.
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		io.Copy(io.Discard, conn)
	}
}

// reasonOf is what the other side is told of an error.
func reasonOf(err error) rlpx.DiscReason {
	var said rlpx.DiscReason
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, errProtocol):
		return rlpx.DiscSubprotocolError
	case errors.Is(err, rlpx.ErrFrameMAC), errors.Is(err, rlpx.ErrFrameSize), errors.Is(err, rlpx.ErrMessage),
		errors.Is(err, rlpx.ErrMessageSize), errors.Is(err, errUnknownCode):
		return rlpx.DiscProtocolError
	}
	return rlpx.DiscNetworkError
}

var (
	errProtocol    = errors.New("p2p: protocol failed")
	errUnknownCode = errors.New("p2p: message code of no protocol")
)

// readMsg reads a message and reports whether to go on.
func (p *Peer) readMsg() bool {
	code, content, err := p.conn.ReadMsg()
	if err != nil {
		p.end(err, false)
		return false
	}
	p.heard.Store(p.srv.nanos())
	if code >= rlpx.BaseCodes {
		rw := p.protocolOf(code)
		if rw == nil {
			p.end(fmt.Errorf("%w: 0x%x", errUnknownCode, code), false)
			return false
		}
		return rw.in.put(code-rw.proto.offset, content, p.closed)
	}
	switch code {
	case rlpx.CodeDisconnect:
		p.end(rlpx.ParseDisconnect(content), true)
		return false
	case rlpx.CodePing:
		p.base(rlpx.CodePong)
	case rlpx.CodeHello:
		p.end(fmt.Errorf("%w: a second Hello", rlpx.DiscProtocolError), false)
		return false
	}
	return true
}

func (p *Peer) protocolOf(code uint64) *protoRW {
	for _, rw := range p.protos {
		if code-rw.proto.offset < rw.proto.Length {
			return rw
		}
	}
	return nil
}

// base sends a message of the base protocol. It does not wait: a peer that takes
// nothing needs no Pong either.
func (p *Peer) base(code uint64) {
	if p.conn.Buffered() > maxUnsent {
		return
	}
	if err := p.conn.Append(code, []byte{0xc0}); err == nil {
		p.send()
	}
}

// tend pings a silent peer and gives up one that is silent for too long. One that is
// idle holds no more memory than it must. The Server calls it every tendEvery.
func (p *Peer) tend(now int64) {
	p.rest()
	if now < p.check || p.Err() != nil {
		return
	}
	p.check += int64(pingEvery)
	quiet := time.Duration(now - p.heard.Load())
	switch {
	case quiet >= silence:
		p.end(rlpx.DiscReadTimeout, false)
	case quiet >= pingEvery/2:
		p.base(rlpx.CodePing)
	}
}

// rest gives up what is made again when it is needed.
func (p *Peer) rest() {
	p.conn.Rest()
	if p.writing.TryLock() { // otherwise it is needed
		if p.spare = nil; len(p.queue) == 0 {
			p.queue = nil
		}
		p.writing.Unlock()
	}
	for _, rw := range p.protos {
		rw.in.rest()
	}
}

// write hands a message over. It waits in turn while too much is to be sent.
func (p *Peer) write(ctx context.Context, code uint64, payload []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if len(p.queue) > 0 || p.conn.Buffered() > maxUnsent {
		p.awaitTurn(ctx)
		defer p.next()
	}
	if err := p.Err(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.conn.Append(code, payload); err != nil {
		return err
	}
	p.send()
	return nil
}

// awaitTurn waits in the queue until there is room, or the wait is over for another
// reason. The caller holds p.writing, which it gives up meanwhile.
func (p *Peer) awaitTurn(ctx context.Context) {
	turn := p.spare
	if p.spare = nil; turn == nil {
		turn = make(chan struct{}, 1)
	}
	p.queue = append(p.queue, turn)
	p.queued.Store(true) // who has sent before this is seen to have sent by next
	p.next()
	p.writing.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
	case <-p.closed:
	}
	p.writing.Lock()
	i := slices.Index(p.queue, turn)
	p.queue = slices.Delete(p.queue, i, i+1)
	p.queued.Store(len(p.queue) > 0)
	select {
	case <-turn: // it came together with another reason
	default:
	}
	p.spare = turn
}

// next tells the first of the queue when there is room. The caller holds p.writing.
func (p *Peer) next() {
	if len(p.queue) > 0 && p.conn.Buffered() <= maxUnsent {
		signal(p.queue[0])
	}
}

// send has sent what was handed over.
func (p *Peer) send() {
	if p.flushing.CompareAndSwap(false, true) {
		go p.flush()
	}
}

// flushAll sends what was handed over, as much as there is in one call.
func (p *Peer) flushAll() {
	for {
		if now := p.srv.nanos(); p.deadline-now < int64(flushTime)*3/4 { // to set it has its price
			p.deadline = now + int64(flushTime)
			p.conn.NetConn().SetWriteDeadline(time.Now().Add(flushTime))
		}
		if err := p.conn.Flush(); err != nil {
			p.end(err, false)
			return
		}
		if p.queued.Load() {
			p.writing.Lock()
			p.next()
			p.writing.Unlock()
		}
		p.flushing.Store(false) // who has appended by now is served here, or serves himself
		if p.conn.Buffered() == 0 || !p.flushing.CompareAndSwap(false, true) {
			return
		}
	}
}
