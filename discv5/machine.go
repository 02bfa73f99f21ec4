package discv5

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// Errors that requests end with.
var (
	ErrTimeout    = errors.New("discv5: no answer")
	ErrNoEndpoint = errors.New("discv5: node has no UDP endpoint that can be reached")
	ErrRestricted = errors.New("discv5: node is outside of the allowed networks")
	ErrBusy       = errors.New("discv5: too many requests under way")
	ErrClosed     = errors.New("discv5: closed")
	ErrKey        = errors.New("discv5: the node's public key is none")
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
	cfg   Config
	now   time.Time
	stats Stats
	out   []Out
}

// Stats are counters since the machine was made.
type Stats struct {
	Handled    [numKinds]uint64 // messages acted on, by Kind
	Sent       [numKinds]uint64 // messages flushed, by Kind; of kind 0: random packets that ask for a challenge
	Challenged uint64           // WHOAREYOUs flushed
	Answered   uint64           // WHOAREYOUs acted on
	Initiated  uint64           // sessions made by answering one
	Accepted   uint64           // sessions made by those who answered ours
	Records    uint64           // records of NODES given out to be verified
	RecordsHit uint64           // and those that were not, having been seen before
	Drops      [NumDrops]uint64 // by reason
	Sessions   int              // now
	Challenges int              // outstanding, now
	Pending    int              // requests under way, now
}

// New returns a machine.
func New(cfg Config) *Machine { return &Machine{cfg: cfg} }

// Advance sets the time and runs what is due, the table's business included. When
// the time was set back, waits end as if it had gone on.
func (m *Machine) Advance(now time.Time) { m.now = now }

// NextWake returns when Advance is due again.
func (m *Machine) NextWake() time.Time { return m.cfg.Table.NextWake() }

// Flush appends the packets to be sent to dst, in order.
func (m *Machine) Flush(dst []Out) []Out { return append(dst, m.out...) }

// Trim gives back memory that a burst has left behind. A driver may call it whenever
// nothing happens.
func (m *Machine) Trim() {}

// Close ends every request with ErrClosed.
func (m *Machine) Close() {}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Drop counts n packets that the driver dropped before the machine saw them, or
// whose [Verdict.Accept] failed.
func (m *Machine) Drop(reason Drop, n uint32) { m.stats.Drops[reason] += uint64(n) }
