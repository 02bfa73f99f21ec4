package discv4

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
)

// Errors that requests end with: those of every discovery protocol.
var (
	ErrTimeout    = kad.ErrTimeout
	ErrNoEndpoint = kad.ErrNoEndpoint
	ErrRestricted = kad.ErrRestricted
	ErrBusy       = kad.ErrTooMany
	ErrClosed     = kad.ErrClosed
)

// Proof is what is known of a node's endpoint: when each side last proved to
// the other that it receives what is sent there.
type Proof struct {
	Node     *enode.Node
	LastPong time.Time // it answered our PING
	LastPing time.Time // we answered its PING
	Fails    int       // PINGs in a row that it did not answer
}

// Store keeps proofs over a restart. It must not block.
type Store interface {
	kad.Seeder
	Put(Proof)
}

// Config is what a Machine needs from outside.
type Config struct {
	ID          enode.ID
	Self        func() *enode.Node // the own node with its current record
	Rand        *rand.Rand
	Bootnodes   []*enode.Node
	Store       Store          // may be nil
	NetRestrict []netip.Prefix // networks to talk to; none means all
	Limits      Limits
	// Table is one that the machine shares with that of another protocol; nil: it
	// makes its own. A shared one has bootnodes, seeds, defences and a trace of its
	// own, and Bootnodes, WithoutTable and Trace here are not used.
	Table *kad.Table
	// Without is what to do without, and WithoutTable what the table is to: for
	// simulations alone (see kad.Defence).
	Without      Defence
	WithoutTable kad.Defence
	// Seen, if set, hears how each node that answers a PING sees this one. It
	// must not call the machine.
	Seen func(voice netip.Addr, endpoint netip.AddrPort)
	// Trace, if set, hears of changes of the table. It must not call the machine.
	Trace func(kad.Event)
}

// Out is a packet to be sent. The driver encodes it and, before it leaves,
// reports it by [Machine.Sent].
type Out struct {
	To     netip.AddrPort
	Packet Packet

	ping *pingCall
	req  *request
	try  int // which of their sends it is
}

// Machine is the protocol state of one node. See the package's documentation
// for the order of calls.
type Machine struct {
	cfg   Config
	now   time.Time     // never goes back: what is due would wait until it came again
	lead  time.Duration // of now over the time that Advance was told
	epoch time.Time     // the first now
	at    int64         // now, in nanoseconds since epoch
	table *kad.Table
	out   []Out
	kept  []Out // in place of out after the Flush of what was lent
	lent  bool

	tasks    wait.Tasks[*call]
	deferred []func()

	peers peerSet
	calls calls
	gate  gate
	rtt   wait.RTT
	loss  wait.Loss
	stats Stats
}

// Stats are counters since the machine was made.
type Stats struct {
	Handled [numKinds]uint64 // packets acted on, by Kind
	Sent    [numKinds]uint64 // packets flushed, by Kind
	Drops   [NumDrops]uint64 // by reason
	Proven  int              // endpoints with a proof, now
	Pending int              // requests under way, now
	Table   kad.Stats
}

// New returns a machine. Its first Advance starts the table's first refresh.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg}
	seed := cfg.Rand.Uint64()
	m.peers.init(seed, proofs(cfg.Limits))
	m.calls.ends.seed = seed
	m.gate.init(cfg.Limits, seed)
	if m.table = cfg.Table; m.table == nil {
		m.table = m.ownTable()
	}
	return m
}

// ownTable makes the table of a machine that shares none.
func (m *Machine) ownTable() *kad.Table {
	self := m.cfg.Self()
	var seeder kad.Seeder
	if m.cfg.Store != nil {
		seeder = m.cfg.Store
	}
	return kad.New(kad.Config{
		Self:      m.cfg.ID,
		SelfKey:   self.PublicKey(),
		Transport: transport{m},
		Rand:      m.cfg.Rand,
		Bootnodes: m.cfg.Bootnodes,
		Seeder:    seeder,
		Without:   m.cfg.WithoutTable,
		Trace:     m.cfg.Trace,
		Via:       kad.V4,
	})
}

// Table returns the machine's table. It may be called wherever the machine may.
func (m *Machine) Table() *kad.Table { return m.table }

// Transport returns what asks a table's questions by this protocol, for a table that
// is shared. It is used as the machine is: in calls that do not overlap, with the time
// set.
func (m *Machine) Transport() kad.Transport { return transport{m} }

// Restore takes a proof of an earlier run, before the first Advance.
func (m *Machine) Restore(p Proof, now time.Time) {
	if _, ok := p.Node.UDPEndpoint(); !ok || now.Sub(p.LastPong) >= proofValid || now.Before(p.LastPong) {
		return
	}
	m.peers.stamp(now) // the first: it has a monotonic reading
	peer := m.peers.add(p.Node)
	peer.pong, peer.ping = m.peers.stamp(p.LastPong), m.peers.stamp(p.LastPing)
	peer.setFails(p.Fails)
}

// SetTime sets the time, and Advance after it runs what is due. A driver of two machines
// that share a table calls it of both before it advances either: what is due in one
// may ask by the other.
func (m *Machine) SetTime(now time.Time) {
	if back := m.now.Sub(now.Add(m.lead)); back > 0 {
		m.lead += back
	}
	m.now = now.Add(m.lead)
	if m.epoch.IsZero() {
		m.epoch = m.now
	}
	m.at = int64(m.now.Sub(m.epoch))
}

// Advance sets the time and runs what is due. When the time was set back,
// waits end and proofs age as if it had gone on.
func (m *Machine) Advance(now time.Time) {
	m.SetTime(now)
	m.table.Advance(m.now) // first: what the tasks tell it happens now
	m.runTasks()
	m.rest()
	m.runDeferred()
}

// told returns what a time of the machine is, or will be, by Advance's clock.
func (m *Machine) told(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-m.lead)
}

// stamp returns the machine's time as the proofs have it.
func (m *Machine) stamp() stamp { return m.peers.stamp(m.now) }

// NextWake returns when Advance is due again.
func (m *Machine) NextWake() time.Time {
	next := m.table.NextWake()
	if due, ok := m.tasks.Next(); ok {
		if at := m.epoch.Add(time.Duration(due)); at.Before(next) {
			next = at
		}
	}
	if len(m.deferred) > 0 {
		next = m.now
	}
	return m.told(next)
}

// maxKeepOut bounds the memory for packets to send that is kept for the next
// call: answers to a few packets, not a burst at the start of the network.
const maxKeepOut = 4

// Lend has the machine put packets into buf until the next Flush, which returns buf, or
// what it grew to, if it is called for an empty slice: nothing is copied then, and the
// machine keeps nothing of it. While a buffer is lent another is not taken.
func (m *Machine) Lend(buf []Out) {
	if m.lent {
		return
	}
	m.kept, m.lent = m.out[:0], true
	waiting := m.out
	m.out = append(buf[:0], waiting...)
	clear(waiting)
}

// Flush appends the packets to be sent to dst, in order.
func (m *Machine) Flush(dst []Out) []Out {
	m.runDeferred()
	if m.lent {
		out := m.out
		m.out, m.kept, m.lent = m.kept, nil, false
		if len(dst) == 0 {
			return out
		}
		return append(dst, out...)
	}
	dst = append(dst, m.out...)
	clear(m.out)
	if m.out = m.out[:0]; cap(m.out) > maxKeepOut {
		m.out = nil
	}
	return dst
}

// Trim gives back memory that a burst has left behind. A driver may call it whenever
// nothing happens.
func (m *Machine) Trim() {
	m.gate.networks.Trim(m.gate.clock(m.now))
	if len(m.out) == 0 {
		m.out = nil
	}
}

// Close ends every request with ErrClosed. Lookups end with what they have.
func (m *Machine) Close() {
	m.calls.close(m)
	m.runDeferred()
	clear(m.out)
	m.out = nil
}

// deferCall runs f at the end of the call under way, so that a done function is
// never called from inside the request it belongs to.
func (m *Machine) deferCall(f func()) { m.deferred = append(m.deferred, f) }

func (m *Machine) runDeferred() {
	for i := 0; i < len(m.deferred); i++ { // grows while it runs
		m.deferred[i]()
	}
	clear(m.deferred)
	m.deferred = m.deferred[:0]
}

func (m *Machine) send(o Out) {
	if o.Packet.Kind != ENRResponse {
		o.Packet.Expiration = uint64(m.told(m.now).Add(Expiration).Unix())
	}
	m.stats.Sent[o.Packet.Kind]++
	m.out = append(m.out, o)
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Proven = m.peers.size
	s.Pending = m.calls.pending
	s.Table = m.table.Stats()
	return s
}

// Drop counts n packets that the driver dropped before the machine saw them.
func (m *Machine) Drop(reason Drop, n uint32) { m.stats.Drops[reason] += uint64(n) }

// transport is the machine as the table sees it.
type transport struct{ m *Machine }

func (t transport) Ping(n *enode.Node, done func(uint64, error)) {
	t.m.Ping(n, func(r PingResult, err error) {
		if err == ErrBusy || err == ErrClosed {
			err = kad.ErrNotAsked
		}
		done(r.Seq, err)
	})
}

func (t transport) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	t.m.RequestENR(n, done)
}

func (t transport) Findnode(n *enode.Node, target kad.Target, done func([]*enode.Node, error)) {
	t.m.Findnode(n, target, done)
}
