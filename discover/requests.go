package discover

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// Pong is what a node answers to a PING.
type Pong struct {
	Seq      uint64         // number of its record, 0 when it gives none
	Endpoint netip.AddrPort // this node as the other sees it
	RTT      time.Duration
	Via      kad.Protocol // by which it answered
}

// ping asks n by the protocols that it may speak, one after the other.
func (m *machines) ping(n *enode.Node, done func(Pong, error)) {
	first, second := m.order(n)
	m.pingBy(first, n, func(p Pong, err error) {
		if err != nil && err != kad.ErrClosed && second != 0 {
			m.pingBy(second, n, done)
			return
		}
		done(p, err)
	})
}

func (m *machines) pingBy(via kad.Protocol, n *enode.Node, done func(Pong, error)) {
	if via == kad.V5 {
		m.V5.Ping(n, func(r discv5.PingResult, err error) { done(Pong{r.Seq, r.Endpoint, r.RTT, via}, err) })
		return
	}
	m.V4.Ping(n, func(r discv4.PingResult, err error) { done(Pong{r.Seq, r.Endpoint, r.RTT, via}, err) })
}

// await starts something in the machine and waits for its done, or for ctx.
func await[T any](ctx context.Context, t *UDP, start func(m *machines, done func(T, error))) (zero T, err error) {
	if ctx.Err() != nil {
		return zero, ctx.Err()
	}
	type outcome struct {
		v   T
		err error
	}
	ch := make(chan outcome, 1)
	running := t.do(func(m *machines) {
		start(m, func(v T, err error) { ch <- outcome{v, err} })
	})
	if !running {
		return zero, kad.ErrClosed
	}
	select {
	case o := <-ch:
		return o.v, o.err
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// Ping asks n whether it is alive, by the protocol that it is known to speak, or by each
// that it may. Besides the context's, errors are ErrTimeout, ErrNoEndpoint, ErrRestricted,
// ErrTooMany and ErrClosed of kad.
func (t *UDP) Ping(ctx context.Context, n *enode.Node) (Pong, error) {
	return await(ctx, t, func(m *machines, done func(Pong, error)) { m.ping(n, done) })
}

// RequestENR fetches n's current record from n itself. The node returned has
// the endpoint that its record names. Errors are those of Ping.
func (t *UDP) RequestENR(ctx context.Context, n *enode.Node) (*enode.Node, error) {
	return await(ctx, t, func(m *machines, done func(*enode.Node, error)) { m.Asks.RequestENR(n, done) })
}

// Findnode asks n for the nodes it knows closest to target, at most 16. Errors
// are those of Ping.
func (t *UDP) Findnode(ctx context.Context, n *enode.Node, target secp.PublicKey) ([]*enode.Node, error) {
	return await(ctx, t, func(m *machines, done func([]*enode.Node, error)) {
		m.Asks.Findnode(n, kad.TargetOf(target), done)
	})
}

// Refresh fills the table by lookups and returns when they are done. Errors are
// the context's and kad.ErrClosed.
func (t *UDP) Refresh(ctx context.Context) error {
	_, err := await(ctx, t, func(m *machines, done func(struct{}, error)) {
		m.Table.Refresh(func() { done(struct{}{}, nil) })
	})
	if err == nil && t.ctx.Err() != nil {
		err = kad.ErrClosed // its lookups were cut short
	}
	return err
}

// Lookup returns the up to 16 live nodes closest to target, closest first. When
// ctx ends it returns what it has, with the context's error; when the node is
// closed, with kad.ErrClosed. kad.ErrBusy says that too many lookups are
// under way.
func (t *UDP) Lookup(ctx context.Context, target secp.PublicKey) ([]*enode.Node, error) {
	return t.lookup(ctx, kad.TargetOf(target), kad.LookupOptions{})
}

// keyBits is how many leading bits the key for a bare ID shares with it: a
// network of a million nodes has told its nodes apart by the twentieth. To find
// the key takes 2^16 hashes on average, some 30 ms.
const keyBits = 16

// LookupID is Lookup for an ID whose public key is not known. v5 asks by ID; v4 asks
// by public key, so it asks for one that hashes near the ID and orders what is
// found by the ID itself. trace, if set, hears of each query as it ends; it
// must not block or call the node.
func (t *UDP) LookupID(ctx context.Context, id enode.ID, trace func(kad.Hop)) ([]*enode.Node, error) {
	var key secp.PublicKey
	if t.cfg.Protocols != kad.V5 { // which asks by ID
		var err error
		if key, err = keyNear(ctx, id); err != nil {
			return nil, err
		}
	}
	return t.lookup(ctx, kad.Target{ID: id, Key: key}, kad.LookupOptions{Trace: trace})
}

// keyNear finds 64 bytes whose hash shares the first keyBits bits with id.
func keyNear(ctx context.Context, id enode.ID) (key secp.PublicKey, err error) {
	copy(key[:], id[:])
	for n := uint64(0); ; n++ {
		for i := range 8 {
			key[56+i] = byte(n >> (8 * i))
		}
		if enode.LogDist(enode.PubkeyID(&key), id) <= 256-keyBits {
			return key, nil
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return key, ctx.Err()
		}
	}
}

func (t *UDP) lookup(ctx context.Context, target kad.Target, opts kad.LookupOptions) ([]*enode.Node, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	ch := make(chan []*enode.Node, 1)
	var l *kad.Lookup
	err := error(kad.ErrClosed)
	t.do(func(m *machines) {
		l, err = m.Table.Lookup(target, opts, func(nodes []*enode.Node) { ch <- nodes })
	})
	if err != nil {
		return nil, err
	}
	select {
	case nodes := <-ch:
		if t.ctx.Err() != nil {
			return nodes, kad.ErrClosed
		}
		return nodes, nil
	case <-ctx.Done():
		t.do(func(*machines) { l.Cancel() })
		return <-ch, ctx.Err() // Close has ended it if Cancel could not
	}
}

// LookupSeq looks target up and yields each node that is found alive and that
// filter, if set, agrees to, as soon as it is known and in no order. With a
// filter, records are fetched first; the Record of a node that did not send one
// is nil. filter must not block or call the node. The lookup ends with the loop,
// with ctx, or with Close.
func (t *UDP) LookupSeq(ctx context.Context, target secp.PublicKey, filter func(*enode.Node) bool) iter.Seq[*enode.Node] {
	return func(yield func(*enode.Node) bool) {
		t.stream(ctx, kad.TargetOf(target), filter, yield, func() bool { return true })
	}
}

// stream yields a lookup's nodes and reports how many there were, and whether
// the caller wants more. Between them it calls meanwhile now and then, and ends when
// that reports false.
func (t *UDP) stream(ctx context.Context, target kad.Target, filter, yield func(*enode.Node) bool, meanwhile func() bool) (n int, wanted bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A lookup's queries are bounded, and so is what waits here.
	found := make(chan *enode.Node, 2*lookupMax)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		t.lookup(ctx, target, kad.LookupOptions{Filter: filter, Found: func(n *enode.Node) {
			select {
			case found <- n:
			default:
			}
		}})
	}()
	defer func() { cancel(); <-finished }()
	tick := time.NewTicker(walkPauseMin)
	defer tick.Stop()
	for {
		var node *enode.Node
		select {
		case <-tick.C:
			if !meanwhile() {
				return n, false
			}
			continue
		case node = <-found:
		case <-finished:
			select {
			case node = <-found:
			default:
				return n, true
			}
		}
		if ctx.Err() != nil || t.ctx.Err() != nil {
			return n, false
		}
		if n++; !yield(node) {
			return n, false
		}
	}
}

// lookupMax is the number of nodes that a lookup asks at most.
const lookupMax = 128

const (
	// walkPause is the least time between the lookups of a random walk: a
	// small network is walked through in milliseconds, over and over.
	walkPause = 500 * time.Millisecond
	// While nothing is found, it grows from walkPauseMin to walkPauseMax.
	walkPauseMin = 50 * time.Millisecond
	walkPauseMax = 30 * time.Second
	// walkKnown is how many nodes of the table come before each lookup, and no more
	// than a quarter of it: while tables are small, all have the same nodes.
	walkKnown = 16
)

// RandomNodes walks through the network by lookups for random targets, without
// end, and yields the live nodes that filter, if set, agrees to; nodes come up
// again and again. Before each lookup, and while the table grows, come nodes that
// it has, so that who wants a few causes no lookup. filter must not block or call
// the node. It ends with the loop, with ctx, or with Close.
func (t *UDP) RandomNodes(ctx context.Context, filter func(*enode.Node) bool) iter.Seq[*enode.Node] {
	return func(yield func(*enode.Node) bool) {
		w := walk{t: t, filter: filter, yield: yield, pause: walkPauseMin}
		for w.known(ctx) && w.lookup(ctx) {
			wait := w.pause - time.Since(w.at)
			if w.grew {
				wait = walkPauseMin
			}
			if !t.sleep(ctx, wait) {
				return
			}
		}
	}
}

// walk is the state of a random walk.
type walk struct {
	t      *UDP
	filter func(*enode.Node) bool
	yield  func(*enode.Node) bool

	target kad.Target
	live   int       // entries of the table
	grew   bool      // there are more than the last time, or about to be
	at     time.Time // of the last lookup
	pause  time.Duration
}

// known yields nodes that the table has, and reports whether more are wanted.
func (w *walk) known(ctx context.Context) bool {
	var nodes []*enode.Node
	if !w.t.do(func(m *machines) {
		table := m.Table
		w.grew = table.Live() > w.live || table.Refreshing()
		w.live = table.Live()
		w.target = table.RandomTarget()
		nodes = table.Closest(nil, w.target.ID, min(walkKnown, table.Live()/4), 0, w.filter)
	}) {
		return false
	}
	for _, n := range nodes {
		if ctx.Err() != nil || !w.yield(n) {
			return false
		}
	}
	return true
}

// lookup yields the nodes of a lookup, if it is time for one, and reports whether
// more are wanted. A table that grows, or is being refreshed, makes lookups of its own
// and has news sooner.
func (w *walk) lookup(ctx context.Context) bool {
	if w.grew || time.Since(w.at) < w.pause {
		return true
	}
	w.at = time.Now()
	n, wanted := w.t.stream(ctx, w.target, w.filter, w.yield, func() bool {
		grown := false
		w.t.do(func(m *machines) { grown = m.Table.Live() > w.live })
		return !grown || w.known(ctx)
	})
	if w.pause = min(2*w.pause, walkPauseMax); n > 0 {
		w.pause = walkPause
	}
	return wanted
}

// sleep waits for d and reports whether to go on: neither ctx nor the node ended.
func (t *UDP) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil && t.ctx.Err() == nil
	case <-ctx.Done():
		return false
	case <-t.ctx.Done():
		return false
	}
}

// Resolve returns the newest record of n that can be had: from n itself if it
// answers at the address given, or at the one that a lookup finds.
func (t *UDP) Resolve(ctx context.Context, n *enode.Node) (*enode.Node, error) {
	if _, ok := n.UDPEndpoint(); ok {
		if full, err := t.RequestENR(ctx, n); err == nil && full.Seq() >= n.Seq() {
			return full, nil
		}
	}
	nodes, err := t.Lookup(ctx, n.PublicKey())
	if err != nil {
		return nil, fmt.Errorf("discover: cannot resolve %s: %w", n.ID().Short(), err)
	}
	return t.recordOf(ctx, n.ID(), nodes)
}

// ErrNotFound says that a lookup came as close to a node as it can, and that
// the node was not there.
var ErrNotFound = fmt.Errorf("discover: node not found")

// ResolveID is Resolve for a node of which only the ID is known.
func (t *UDP) ResolveID(ctx context.Context, id enode.ID) (*enode.Node, error) {
	nodes, err := t.LookupID(ctx, id, nil)
	if err != nil {
		return nil, fmt.Errorf("discover: cannot resolve %s: %w", id.Short(), err)
	}
	return t.recordOf(ctx, id, nodes)
}

// recordOf fetches the record of the node among nodes that has the ID. A node
// that doesn't send one is returned as it was found.
func (t *UDP) recordOf(ctx context.Context, id enode.ID, nodes []*enode.Node) (*enode.Node, error) {
	for _, n := range nodes {
		if n.ID() == id {
			if full, err := t.RequestENR(ctx, n); err == nil {
				return full, nil
			}
			return n, ctx.Err()
		}
	}
	return nil, ErrNotFound
}
