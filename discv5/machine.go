package discv5

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
)

// Errors that requests end with: the first five are those of every discovery protocol.
var (
	ErrTimeout    = kad.ErrTimeout
	ErrNoEndpoint = kad.ErrNoEndpoint
	ErrRestricted = kad.ErrRestricted
	ErrBusy       = kad.ErrTooMany
	ErrClosed     = kad.ErrClosed
	ErrKey        = errors.New("discv5: the node's public key is none")
	ErrNoRecord   = errors.New("discv5: the answer does not have the node's record")
	ErrTooLong    = errors.New("discv5: request does not fit in a packet")
)

// Table is what a machine needs of the node's table, which it may share with a
// machine of another protocol. [kad.Table] is one.
type Table interface {
	Advance(now time.Time)
	NextWake() time.Time
	// AddLive tells of a node that has just answered by a protocol, at n's endpoint.
	AddLive(n *enode.Node, via kad.Protocol)
	// AddFound tells of a node that somebody spoke of.
	AddFound(n *enode.Node)
	// Announced tells that a node says its record has the number seq.
	Announced(id enode.ID, seq uint64)
	// UpdateRecord gives a node's newer record.
	UpdateRecord(n *enode.Node)
	// AddLate gives what a FINDNODE was answered with after its end.
	AddLate(from *enode.Node, nodes []*enode.Node)
	// AtDistance appends at most max live nodes that speak a protocol, whose log2
	// distance of the own ID is distance.
	AtDistance(dst []*enode.Node, distance, max int, via kad.Protocol) []*enode.Node
	// Known returns what is known of a node, nil if nothing is.
	Known(id enode.ID) *enode.Node
}

// Config is what a Machine needs from outside.
type Config struct {
	ID          enode.ID
	Self        func() *enode.Node // the own node with its current record, which it must have
	Rand        *rand.Rand         // of nonces, ID nonces and masking IVs: a cryptographic source, but in simulations
	Table       Table
	NetRestrict []netip.Prefix // networks to talk to; none means all
	Limits      Limits
	// Seen, if set, hears how each node that answers a PING sees this one. It must
	// not call the machine.
	Seen func(voice netip.Addr, endpoint netip.AddrPort)
}

// Machine is the protocol state of one node. See the package's documentation for
// the order of calls.
type Machine struct {
	cfg    Config
	now    time.Time     // never goes back: what is due would wait until it came again
	lead   time.Duration // of now over the time that Advance was told
	epoch  time.Time     // the first now
	at     int64         // now, in nanoseconds since epoch
	closed bool
	nextID uint64
	out    []Out
	kept   []Out // what out was before Lend, empty
	lent   bool

	tasks    wait.Tasks[*request]
	deferred []func()

	sessions   sessions
	challenges challenges
	links      links
	talks      talks
	records    records
	announcers announcers
	gate       gate
	rtt        wait.RTT
	loss       wait.Loss
	stats      Stats
}

// Stats are counters since the machine was made.
type Stats struct {
	Handled    [numKinds]uint64 // messages acted on, by Kind
	Sent       [numKinds]uint64 // messages sent, by Kind; of kind 0, random bytes that ask for a WHOAREYOU
	Challenged uint64           // WHOAREYOUs sent
	Answered   uint64           // WHOAREYOUs acted on
	Initiated  uint64           // sessions made by answering one
	Accepted   uint64           // sessions made by those who answered ours
	Records    uint64           // records in NODES that had to be verified
	RecordsHit uint64           // and those that had not, having been seen before
	Useless    uint64           // records in NODES that were invalid, not asked for, or lead nowhere
	Drops      [NumDrops]uint64 // by reason
	Sessions   int              // now
	Challenges int              // outstanding, now
	Pending    int              // requests under way, now
}

// New returns a machine.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg}
	seed := cfg.Rand.Uint64()
	m.nextID = cfg.Rand.Uint64() >> 9
	m.gate.init(cfg.Limits, seed)
	m.sessions = sessions{seed: seed, limit: or(cfg.Limits.Sessions, defaultSessions)}
	m.challenges.limit = 3 * int(m.gate.challenges)
	m.records = records{seed: seed, limit: cfg.Limits.Records}
	if cfg.Limits.Records == 0 {
		m.records.limit = defaultRecords
	}
	return m
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
	m.at = 1 + int64(m.now.Sub(m.epoch))
}

// Advance sets the time and runs what is due, the table's business included. When
// the time was set back, waits end as if it had gone on.
func (m *Machine) Advance(now time.Time) {
	m.SetTime(now)
	m.cfg.Table.Advance(m.now) // first: what the tasks tell it happens now
	for r, ok := m.tasks.Pop(m.at); ok; r, ok = m.tasks.Pop(m.at) {
		m.due(r)
	}
	m.tasks.Trim()
	m.challenges.expire(m.at)
	m.runDeferred()
}

// clock is the time as the budgets have it.
func (m *Machine) clock() int64 { return m.at }

// NextWake returns when Advance is due again.
func (m *Machine) NextWake() time.Time {
	next := m.cfg.Table.NextWake()
	if at, ok := m.tasks.Next(); ok {
		if t := m.epoch.Add(time.Duration(at - 1)); t.Before(next) {
			next = t
		}
	}
	if len(m.deferred) > 0 {
		next = m.now
	}
	return next.Add(-m.lead)
}

// maxKeepOut bounds the memory for packets to send that is kept for the next call.
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
	now := m.clock()
	m.gate.networks.Trim(now)
	m.gate.sources.Trim(now)
	m.gate.handshakesOfNets.Trim(now)
	m.challenges.expire(m.at)
	m.announcers.seen = nil
	if len(m.out) == 0 {
		m.out = nil
	}
}

// Close ends every request with ErrClosed, and forgets what was not flushed.
func (m *Machine) Close() {
	m.closed = true
	for m.links.pending+m.links.late > 0 && m.tasks.Len() > 0 {
		m.endAll()
		m.runDeferred()
	}
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

// send sends a message.
func (m *Machine) send(o *Out) {
	m.stats.Sent[o.Message.Kind]++
	m.out = append(m.out, *o)
}

func (m *Machine) random16() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:], m.cfg.Rand.Uint64())
	binary.BigEndian.PutUint64(b[8:], m.cfg.Rand.Uint64())
	return b
}

func (m *Machine) randomNonce() (n Nonce) {
	b := m.random16()
	return Nonce(b[:])
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Sessions = m.sessions.size
	s.Challenges = len(m.challenges.byKey)
	s.Pending = m.links.pending
	return s
}

// Drop counts n packets that the driver dropped before the machine saw them, or
// whose [Verdict.Accept] failed.
func (m *Machine) Drop(reason Drop, n uint32) { m.stats.Drops[reason] += uint64(n) }
