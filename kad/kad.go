// Package kad is the Kademlia table of a node: who its neighbours are, whether
// they are alive, and how to find the nodes closest to any point of the ID space.
//
// A [Table] keeps 17 buckets by logarithmic distance, each with up to 16 live
// entries and up to 10 replacements. It checks what it hears of at once,
// revalidates what it keeps, refreshes itself by lookups, and limits how many
// nodes of one network it takes, so that whoever owns a few addresses can't own
// the table.
//
// # Contract
//
// A Table is a machine: protocol logic without goroutines, locks, sockets,
// clocks or global randomness. Calls must not overlap. [Table.Advance] comes
// first and sets the time for the calls after it, which must not go back (that
// of time.Now doesn't, whatever is done to the clock); [Table.NextWake] says when
// to call Advance again at the latest. The network is reached through [Transport]
// alone. Machines of two protocols may share a table. Given the same calls and the same random source, a Table does the same.
//
// # What it promises
//
//   - a bucket's entries are nodes that answered this node at least once;
//   - bucket sizes and address limits hold after every call;
//   - who asks by one protocol is told only of nodes that answered by it;
//   - a lookup ends, and calls its done exactly once;
//   - every queue has a bound, stated at its constant.
//
// # What it does not check
//
// It trusts its Transport: that an answer came from the node asked, that nodes
// handed to [Table.AddFound] have an endpoint this node may talk to, and that
// records belong to their node.
package kad

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

const (
	// BucketSize is k: how many entries a bucket holds, how many nodes a
	// FINDNODE is answered with, and how many a lookup ends with (discv4.md,
	// "Kademlia Table").
	BucketSize = 16

	// MaxReplacements is how many nodes wait for a place in a full bucket.
	// Ten outlast a long outage of a bucket's entries and cost little memory.
	MaxReplacements = 10

	// NumBuckets is the number of buckets. Half of all nodes fall into the
	// farthest, a quarter into the next; the seventeenth would get one node in
	// 131,072, so all nearer distances share it.
	NumBuckets = 17

	// Alpha is how many nodes a lookup asks at once (discv4.md, "Recursive Lookup").
	Alpha = 3
)

// Errors that questions to nodes end with, by whatever protocol they are asked.
var (
	ErrTimeout    = errors.New("discovery: no answer")
	ErrNoEndpoint = errors.New("discovery: node has no UDP endpoint that can be reached")
	ErrRestricted = errors.New("discovery: node is outside of the allowed networks")
	ErrTooMany    = errors.New("discovery: too many requests under way")
	ErrClosed     = errors.New("discovery: closed")
)

// Errors of the table and its transport.
var (
	ErrBusy = errors.New("kad: too many lookups under way")

	// ErrNotAsked is what a Transport's Ping fails with when nothing was sent:
	// it says nothing about the node.
	ErrNotAsked = errors.New("kad: not asked")
)

// Target is the point of the ID space that a lookup converges on. Discovery v4
// asks by public key, v5 by distance to an ID; Key may be any 64 bytes whose
// hash is at or near ID.
type Target struct {
	ID  enode.ID
	Key secp.PublicKey
}

// TargetOf returns the target for a public key.
func TargetOf(key secp.PublicKey) Target {
	return Target{ID: enode.PubkeyID(&key), Key: key}
}

// Transport carries the table's three questions to other nodes. Each done is
// called exactly once, later, never from inside the call itself, and never
// overlapping with another call of the table.
type Transport interface {
	// Ping asks whether n is alive. seq is the sequence number of its record.
	Ping(n *enode.Node, done func(seq uint64, err error))
	// RequestENR fetches n's current record.
	RequestENR(n *enode.Node, done func(*enode.Node, error))
	// Findnode asks n for the nodes it knows closest to target. An answer may
	// be empty; what comes after done goes to Table.AddLate.
	Findnode(n *enode.Node, target Target, done func([]*enode.Node, error))
}

// Seeder brings nodes known from an earlier run. It must not block.
type Seeder interface {
	Seeds(rng *rand.Rand, max int, now time.Time) []*enode.Node
}

// Config is what a Table needs from outside.
type Config struct {
	Self      enode.ID
	SelfKey   secp.PublicKey // what a lookup for the own ID asks for
	Transport Transport
	Rand      *rand.Rand
	Bootnodes []*enode.Node // asked when the table has nobody else
	Seeder    Seeder        // may be nil
	Without   Defence       // what to do without: see there
	// Via is the protocol that Transport asks by, so that an answer says that its
	// node speaks it. It is 0 when Transport has several, and says itself by
	// [Table.AddLive] which of them it was.
	Via Protocol
	// Trace, if set, hears of every change. It may look at the table, and not change it.
	Trace func(Event)
}

// EventKind says what happened to the table.
type EventKind uint8

// The kinds of events.
const (
	EventAdded    EventKind = iota // a node joined a bucket's entries
	EventRemoved                   // an entry failed its check and left
	EventPromoted                  // a replacement took an entry's place
	EventUpdated                   // an entry's record is newer
	EventRefresh                   // a refresh began
	EventLookup                    // a lookup ended
)

func (k EventKind) String() string {
	names := [...]string{"added", "removed", "promoted", "updated", "refresh", "lookup"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event is one change of the table.
type Event struct {
	Kind   EventKind
	Time   time.Time
	Node   *enode.Node // nil for EventRefresh and EventLookup
	Bucket int         // the node's bucket
	Count  int         // EventLookup: nodes found. EventRefresh: live nodes before it
}

// BucketInfo describes one bucket.
type BucketInfo struct {
	Distance     int // log2 distance from this node; the nearest bucket also holds all below
	Entries      []NodeInfo
	Replacements []NodeInfo
}

// NodeInfo describes one node of the table.
type NodeInfo struct {
	Node     *enode.Node
	Added    time.Time // to the second, and so is LastSeen
	LastSeen time.Time // of its last answer to this node; zero when it never answered
	Speaks   Protocol  // the protocols by which it has answered
}

// Stats are counters since the table was made.
type Stats struct {
	Entries, Replacements int // now
	Checks                int // just-found nodes being checked or waiting for it, now
	Lookups               int // under way, now

	Added, Removed, Promoted uint64
	Revalidations            uint64
	RevalidationsFailed      uint64
	Refreshes                uint64
	LookupsDone              uint64
	Queries, QueriesFailed   uint64 // FINDNODE asked by lookups

	DroppedDiversity uint64 // found nodes refused by the address limits
	DroppedFull      uint64 // found nodes with no place among the replacements
}
