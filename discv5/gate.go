package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// Limits bound what others can have this node do and keep. Zero values mean the
// defaults.
type Limits struct {
	// Sessions is how many sessions are kept, each of 200 bytes and, but in
	// simulations, 2 KiB of expanded keys. Beyond it the one unused for longest goes,
	// and costs a handshake when it is needed again. Default 1024.
	Sessions int
	// ChallengesPerSecond is how many WHOAREYOUs are sent to endpoints without a
	// session, and so how many challenges are outstanding at most: three times as
	// many. Default 4096.
	ChallengesPerSecond int
	// ChallengesPerNetwork is the part of it that one IPv4 /24 or IPv6 /48 may use, and
	// ChallengesPerSource the part of one IP address; loopback and private addresses
	// are not limited by them. Defaults 256 and 32.
	ChallengesPerNetwork, ChallengesPerSource int
	// HandshakesPerSecond is how many handshakes are looked at. Each costs a
	// verification and a multiplication on the curve, and a second verification
	// when a record comes with it. Default 512.
	HandshakesPerSecond int
	// HandshakesPerNetwork is the part of it that one network may use. Default 32.
	HandshakesPerNetwork int
	// KnownPerSecond is what one endpoint with a session may ask while the node is
	// busy. Default 4096.
	KnownPerSecond int
	// Records is how many verified records of NODES are remembered. Default 2048;
	// negative: none, for simulations, which verify nothing.
	Records int
}

// Verdict is the gate's answer for a packet.
type Verdict struct {
	Drop  Drop // DropNone: to be handled
	Known bool // from an endpoint with a session, or awaited: goes first
	// Accept is set for the answer to a challenge of ours: what is to be run, outside
	// of the lock, before it is handled.
	Accept *Accept
}

// Admit decides, before any cryptography, whether a parsed packet is worth handling.
// busy says that more packets wait than the driver can take at once: only then is an
// endpoint with a session held to its share. What it refuses it counts.
func (m *Machine) Admit(from netip.AddrPort, h *Header, busy bool) Verdict { return Verdict{} }

// AdmitSource decides on a datagram's source alone, before its content is looked at.
// It may be called at any time from anywhere.
func (m *Machine) AdmitSource(from netip.AddrPort) Drop { return DropNone }

// Accept is what it takes to accept the answer to a challenge. It holds no reference
// to the packet.
type Accept struct {
	own       enode.ID
	challenge ChallengeData
	node      *enode.Node // as known before
	fresh     *enode.Node // as its record, which had to be verified, says
	session   *Session
}

// Run checks an answer to a challenge: the record in it if that is needed, and the ID
// signature. It makes the session. key is the own node's. It may run outside of the
// lock, and costs two or three operations on the curve. What is dropped goes to
// [Machine.Drop], all else to [Machine.HandlePacket].
func (a *Accept) Run(key *secp.PrivateKey, h *Header) Drop { return DropNone }

// NeedsRecord reports whether the record in the answer is looked at: the sender is
// unknown, or it is newer than what is known.
func (a *Accept) NeedsRecord() bool { return false }

// Agree gives the outcome of Run without cryptography: the keys, and the node that
// the record describes where one is needed. It is for simulations.
func (a *Accept) Agree(k Keys, n *enode.Node) {}
