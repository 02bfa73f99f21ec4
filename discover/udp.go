package discover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	crand "crypto/rand"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/secp"
)

// Conn is the packet connection that a node runs on.
type Conn = netio.Conn

// ListenUDP opens a UDP socket for a node, with a receive buffer of 4 MiB asked
// for. Port 0 picks a free one; [::] listens on IPv4 as well.
func ListenUDP(addr netip.AddrPort) (Conn, error) {
	c, err := netio.Listen(addr, netio.Options{})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Config is what a node may be told. The zero value is a node that knows nobody.
type Config struct {
	// Protocols are what the node speaks; none means all, Node Discovery v4 and v5.
	Protocols kad.Protocol
	// Bootnodes are asked while the table is thin. A DNS name is resolved
	// again and again until it is found.
	Bootnodes []*enode.Node
	// NetRestrict are the networks to talk to; none means all.
	NetRestrict []netip.Prefix
	// DB keeps nodes over a restart. It may be shared and is not closed. nil
	// keeps none.
	DB *nodedb.DB
	// Log hears what an operator should know. nil is silent.
	Log *slog.Logger
	// Workers is the most goroutines that read packets, started as there is
	// work for them; 0 means one for each core.
	Workers int
	// Limits bound the cryptography that strangers can cause by v4, LimitsV5 what they
	// can by v5.
	Limits   discv4.Limits
	LimitsV5 discv5.Limits
	// Resolve finds the addresses of a bootnode with a DNS name. nil means the
	// system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Rand seeds all random choices, for tests; zero means a secret seed.
	Rand [32]byte
}

// UDP is a node that speaks Node Discovery v4, v5 or both, on one port. All methods may
// be called concurrently.
type UDP struct {
	conn Conn
	ln   *enode.LocalNode
	key  *secp.PrivateKey
	mask *discv5.Mask // of packets to this node; nil where it does not speak v5
	cfg  Config
	log  *slog.Logger

	mu     sync.Mutex
	m      machines
	timer  *time.Timer
	wakeAt time.Time
	kept   time.Time // when the database was told of all entries
	closed bool
	talks  int // handlers of TALKREQ that run

	workers workers
	wg      sync.WaitGroup
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	answers answers
	traffic traffic
}

// Listen starts a node on conn, which it owns from now on, unless it returns
// an error: a bootnode without a UDP endpoint and a name. ln is given the
// connection's endpoint as its fallback.
func Listen(conn Conn, ln *enode.LocalNode, cfg Config) (*UDP, error) {
	t := &UDP{conn: conn, ln: ln, key: ln.Key(), cfg: cfg, log: cfg.Log}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	for i, n := range cfg.Bootnodes {
		if n == nil {
			return nil, fmt.Errorf("discover: bootnode %d is nil", i+1)
		}
		if _, ok := n.UDPEndpoint(); !ok && n.Hostname() == "" {
			return nil, fmt.Errorf("discover: bootnode %d has no UDP endpoint: %v", i+1, n)
		}
	}
	local := conn.LocalAddr()
	ln.SetFallbackUDP(local.Port())
	if local.Addr().IsUnspecified() {
		ln.SetFallbackIP(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	} else {
		ln.SetFallbackIP(local.Addr())
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.makeMachines()
	t.timer = time.AfterFunc(time.Hour, t.onTimer)
	t.start(cfg)
	return t, nil
}

func (t *UDP) start(cfg Config) {
	if t.workers.most = cfg.Workers; t.workers.most <= 0 {
		t.workers.most = runtime.GOMAXPROCS(0)
	}
	t.workers.running, t.workers.reading = 1, true
	t.wg.Go(t.readLoop)
	var named []*enode.Node
	for _, n := range cfg.Bootnodes {
		if _, ok := n.UDPEndpoint(); !ok {
			named = append(named, n)
		}
	}
	if len(named) > 0 {
		t.wg.Go(func() { t.resolveBootnodes(named) })
	}
	t.do(func(*machines) {})
}

func newRand(seed [32]byte) *rand.Rand {
	if seed == [32]byte{} {
		crand.Read(seed[:])
	}
	return rand.New(rand.NewChaCha8(seed))
}

// do is the only way into the machine from outside of the packet path. It
// reports whether the node still runs.
func (t *UDP) do(f func(m *machines)) bool {
	s := takeScratch()
	defer s.release()
	return t.enter(s, f)
}

// enter is do with working memory.
func (t *UDP) enter(s *scratch, f func(m *machines)) bool {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return false
	}
	t.m.Advance(time.Now())
	f(&t.m)
	t.m.flush(s)
	t.wake()
	t.mu.Unlock()
	t.send(s)
	return true
}

// wake sets the timer for the machine. The caller holds the lock, or resets
// could come in the wrong order.
func (t *UDP) wake() {
	if at := t.m.NextWake(); !at.Equal(t.wakeAt) {
		t.wakeAt = at
		t.timer.Reset(time.Until(at))
	}
}

func (t *UDP) onTimer() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.wg.Add(1) // under the lock: Close waits for it or is seen here
	t.wakeAt = time.Time{}
	t.mu.Unlock()
	defer t.wg.Done()
	now := time.Now()
	t.answers.forget(now)
	t.do(func(m *machines) {
		m.Trim()
		if since := now.Sub(t.kept); since > keepEvery || since < 0 {
			t.keepEntries(now)
		}
	})
}

// Close ends the node: requests end with kad.ErrClosed, lookups with it and
// what they have. It returns when no goroutine is left. Further calls return
// net.ErrClosed.
func (t *UDP) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return net.ErrClosed
	}
	t.closed = true
	t.cancel() // before the calls end, or theirs would not see why
	t.timer.Stop()
	t.keepEntries(time.Now())
	t.m.Close()
	t.mu.Unlock()
	err := t.conn.Close()
	t.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

// Self returns the own node with its current record.
func (t *UDP) Self() *enode.Node { return t.ln.Node() }

// LocalNode returns the own node's record keeper.
func (t *UDP) LocalNode() *enode.LocalNode { return t.ln }

func (t *UDP) trace(e kad.Event) {
	if e.Kind == kad.EventAdded || e.Kind == kad.EventUpdated {
		t.keep(e.Node, t.m.Table.Speaks(e.Node.ID()), e.Time)
	}
	if !t.log.Enabled(t.ctx, slog.LevelDebug) {
		return
	}
	switch e.Kind {
	case kad.EventRefresh:
		t.log.Debug("table refresh", "live", e.Count)
	case kad.EventLookup:
		t.log.Debug("lookup done", "found", e.Count)
	default:
		t.log.Debug("table "+e.Kind.String(), "id", e.Node.ID().Short(), "ip", e.Node.IP(), "udp", e.Node.UDP(), "bucket", e.Bucket)
	}
}

// traffic counts what passes the socket.
type traffic struct {
	packetsIn, packetsOut, bytesIn, bytesOut, sendErrors atomic.Uint64
}

// Stats are counters since the node started.
type Stats struct {
	discv4.Stats          // of Node Discovery v4, and of the table
	V5                    discv5.Stats
	PacketsIn, PacketsOut uint64
	BytesIn, BytesOut     uint64
	SendErrors            uint64 // packets that the system did not take
	// ReadBufferAsked and ReadBufferGranted are the sizes of the socket's
	// receive buffer in bytes; 0 where they can't be told.
	ReadBufferAsked, ReadBufferGranted int
}

// Stats returns the counters.
func (t *UDP) Stats() Stats {
	t.mu.Lock()
	var s Stats
	if t.m.V4 != nil {
		s.Stats = t.m.V4.Stats()
	}
	if t.m.V5 != nil {
		s.V5 = t.m.V5.Stats()
	}
	s.Table = t.m.Table.Stats()
	t.mu.Unlock()
	s.PacketsIn, s.PacketsOut = t.traffic.packetsIn.Load(), t.traffic.packetsOut.Load()
	s.BytesIn, s.BytesOut = t.traffic.bytesIn.Load(), t.traffic.bytesOut.Load()
	s.SendErrors = t.traffic.sendErrors.Load()
	if b, ok := t.conn.(interface{ ReadBuffer() (asked, granted int) }); ok {
		s.ReadBufferAsked, s.ReadBufferGranted = b.ReadBuffer()
	}
	return s
}

// Buckets describes the table, nearest bucket first.
func (t *UDP) Buckets() []kad.BucketInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m.Table.Buckets()
}

// store is the node database as the machine sees it.
type store struct{ db *nodedb.DB }

// seedMaxAge is how long ago a node must have answered to be worth a try.
const seedMaxAge = 5 * 24 * time.Hour

func (s store) Put(p discv4.Proof) { s.db.Put(nodedb.Entry(p)) }

func (s store) Seeds(rng *rand.Rand, max int, now time.Time) []*enode.Node {
	entries := s.db.Seeds(rng, max, now, seedMaxAge)
	nodes := make([]*enode.Node, len(entries))
	for i, e := range entries {
		nodes[i] = e.Node
	}
	return nodes
}
