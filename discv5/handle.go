package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// Sealed is the message of a packet as long as nobody has opened it. [Received] is
// one; a simulation has its own, which need no cryptography.
type Sealed interface {
	// Open returns the message if it was sealed under a session's keys. The machine
	// calls it at most twice for a packet, of another session each time. What the
	// message refers to is the caller's again when HandlePacket, or, if it gave one,
	// Check, is done.
	Open(s *Session) (*Message, Drop)
}

// Received is a packet that came, and the message in it. It is meant to be used again
// and again.
type Received struct {
	Packet
	Message Message

	plain [MaxPacketSize]byte
}

// Open decrypts and reads the message.
func (r *Received) Open(s *Session) (*Message, Drop) { return nil, DropDecrypt }

// HandlePacket acts on a packet that [Machine.Admit] let through. sealed is the message
// in it, of no use for a WHOAREYOU; a is Admit's, run, for a handshake, and nil
// otherwise. When it returns a Check the packet brings records that have to be verified:
//
//	check, drop := m.HandlePacket(from, &r.Header, &r, v.Accept)
//	if check != nil {
//		check.Run()        // outside of the lock
//		m.Checked(check)   // under it
//	}
func (m *Machine) HandlePacket(from netip.AddrPort, h *Header, sealed Sealed, a *Accept) (*Check, Drop) {
	return nil, DropNone
}

// Check is an answer's records that nobody has verified yet.
type Check struct {
	records [][]byte
	nodes   []*enode.Node
}

// Run verifies the records, for a signature's verification each. It may run outside of
// the lock, as long as the packet that they came in is still there.
func (c *Check) Run() {}

// Resolve is Run with another way to make a node of a record, nil when it is none. It
// is for simulations.
func (c *Check) Resolve(node func(record []byte) *enode.Node) {}

// Checked goes on with an answer whose records have been verified.
func (m *Machine) Checked(c *Check) {}
