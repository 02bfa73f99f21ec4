// Package control is how the comparison drives a process that runs discovery
// nodes or Servers of one implementation: a program under serve/ reads requests from its
// standard input and writes replies to its standard output, one JSON object a
// line, one reply for each request, in order.
//
// The nodes run in a process of their own, without the load generator and
// without the other implementation, so that the process's CPU time, memory and
// allocations are theirs alone.
package control

import (
	"net"
	"net/netip"
	"time"
)

// Op names what is asked of a served process.
type Op string

const (
	// OpStart starts Request.Nodes nodes that speak Request.Version; the first is
	// everyone's bootnode.
	OpStart Op = "start"
	// OpUsage reports what the process has used so far.
	OpUsage Op = "usage"
	// OpCollect frees what the garbage collector can free, then does OpUsage.
	OpCollect Op = "collect"
	// OpFill waits until the median node has filled Request.Fraction of the
	// table that it could fill, for Request.Limit at most.
	OpFill Op = "fill"
	// OpLookups runs Request.Count lookups, one after another.
	OpLookups Op = "lookups"
	// OpParse measures decoding Request.Packet without recovering its signer.
	OpParse Op = "parse"
	// OpCodec measures Request.Codec.
	OpCodec Op = "codec"
	// OpMeet measures the first PING of a node to each of Request.Count others, which
	// takes a handshake.
	OpMeet Op = "meet"
	// OpHandshakes measures Request.Count encryption handshakes, both ends.
	OpHandshakes Op = "handshakes"
	// OpMessages measures Request.Count encrypted messages of Request.Size bytes,
	// both ends.
	OpMessages Op = "messages"
	// OpServers starts Request.Nodes Servers, with discovery through the first of
	// them if Request.Discovery, and with Request.Places.
	OpServers Op = "servers"
	// OpMesh has each Server connect to all that were started before it.
	OpMesh Op = "mesh"
	// OpPeers waits until every Server has Request.Count peers, for Request.Limit
	// at most.
	OpPeers Op = "peers"
)

// The versions of Node Discovery.
const (
	V4 = 4
	V5 = 5
)

// A Request asks for one operation; only that operation's fields are set.
type Request struct {
	Op       Op
	Nodes    int           `json:",omitempty"`
	Version  int           `json:",omitempty"` // V4 or V5
	Fraction float64       `json:",omitempty"` // 0..1
	Limit    time.Duration `json:",omitempty"`
	Count    int           `json:",omitempty"`
	Packet   []byte        `json:",omitempty"`
	Codec    Codec         `json:",omitempty"`
	Size     int           `json:",omitempty"`
	Servers  bool          `json:",omitempty"` // between Servers, not on a bare connection

	Discovery bool `json:",omitempty"`
	// Places is how many peers a Server has room for that it dials, and for as many
	// that dial it. 0: the defaults.
	Places int `json:",omitempty"`
}

// A Reply answers a Request. Error is empty when it was carried out.
type Reply struct {
	Error   string   `json:",omitempty"`
	URLs    []string `json:",omitempty"` // OpStart: enode:// of every node
	Usage   Usage    `json:",omitzero"`
	Fill    Fill     `json:",omitzero"`
	Lookups []Lookup `json:",omitempty"`
	Parse   Parse    `json:",omitzero"`
	Cost    Cost     `json:",omitzero"`
	Joined  Joined   `json:",omitzero"`
}

// Usage is what a process has used since it began.
type Usage struct {
	CPU        time.Duration // user and system time of all its threads
	Allocs     uint64        // heap objects allocated
	AllocBytes uint64        // bytes of these
	Resident   uint64        // bytes of memory resident now
	InUse      uint64        // bytes of the spans that heap and stacks use now
	Goroutines int           // alive now
}

// Sub returns what was used between old and u; Resident, InUse and Goroutines,
// which are not sums over time, are the difference of the two as well, in two's
// complement.
func (u Usage) Sub(old Usage) Usage {
	return Usage{
		CPU:        u.CPU - old.CPU,
		Allocs:     u.Allocs - old.Allocs,
		AllocBytes: u.AllocBytes - old.AllocBytes,
		Resident:   u.Resident - old.Resident,
		InUse:      u.InUse - old.InUse,
		Goroutines: u.Goroutines - old.Goroutines,
	}
}

// Fill says how full the routing tables of a network are.
type Fill struct {
	After  time.Duration // since the first node started
	Median float64       // share of the possible table that the median node has

	Entries, Possible float64 // of a table, on average
}

// Lookup is the outcome of one lookup of a random target by a random node.
type Lookup struct {
	Took time.Duration
	// Right counts how many of the network's 16 nodes nearest to the target
	// (the asking node left out) the lookup returned, out of Possible.
	Right, Possible int
}

// Parse is the cost of doing something with a packet once.
type Parse struct {
	Time   time.Duration
	Allocs int64
	Bytes  int64
}

// A Node is one running discovery node.
type Node interface {
	// URL is the node's enode:// form with its loopback endpoint, or for v5 its record.
	URL() string
	// ID is the node's identifier, Keccak-256 of its public key.
	ID() [32]byte
	// Lookup searches the network for the nodes nearest to the Keccak-256 hash
	// of a public key (x||y) and returns their identifiers.
	Lookup(key [64]byte) ([][32]byte, error)
	// Ping pings the node at a URL until it answers.
	Ping(url string) error
	// Buckets counts the table's entries by bucket, the nearest bucket first.
	Buckets() [Buckets]int
	Close()
}

// An Implementation makes nodes.
type Implementation struct {
	// Start starts a node that speaks V4 or V5 on a free UDP port of ip. Its bootnodes
	// are given by their URLs.
	Start func(version int, ip netip.Addr, bootnodes []string) (Node, error)
	// NewParser returns a function that decodes a PING packet as its node does,
	// with its two hashes, leaving out the recovery of its signer.
	NewParser func(packet []byte) (func() error, error)
	// NewCodec returns what does a Codec's work.
	NewCodec func(Codec) (NewBatch, error)
	// Connect makes the encryption handshake between the two ends of a connection,
	// a being the one that has dialed, and returns a pipe from a to b that
	// compresses.
	Connect func(a, b net.Conn) (Pipe, error)
	// ConnectServers returns a pipe of a protocol that two connected Servers speak.
	ConnectServers func() (p Pipe, stop func(), err error)
	// StartServer starts a Server.
	StartServer func(ServerConfig) (Server, error)
	// RandomKey returns a random valid public key (x||y).
	RandomKey func() ([64]byte, error)
	// IDOf returns the identifier of a public key.
	IDOf func(key [64]byte) [32]byte
}
