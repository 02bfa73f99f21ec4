package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// Out is a packet to be sent.
//
//	if o.NeedsKeys() {
//		err := o.Initiate(key, eph)   // outside of the lock; an error is Sent's business
//		if !m.Sent(&o) { continue }   // under it; before the packet leaves
//	}
//	b, err := o.Seal(b[:0], &p)       // outside of it
type Out struct {
	To   netip.AddrPort
	Dest enode.ID // whose packet it is: what its header is masked for

	// Header is the packet's, complete but for an ordinary packet's Src, which Seal
	// sets, and what Initiate sets.
	Header Header
	// Message is what it carries. A WHOAREYOU, and the random bytes that ask for one,
	// carry none: Kind is 0.
	Message Message
	// Session is what the message is sealed under; nil when there is none.
	Session *Session
}

// NeedsKeys reports whether the packet answers a WHOAREYOU: keys have to be agreed on
// before it can be written.
func (o *Out) NeedsKeys() bool { return false }

// Initiate makes the keys of such a packet, its ephemeral key and its ID signature
// (see [Header.Initiate]). key is the own node's, eph a fresh random key. It may run
// outside of the lock. The error, [secp.ErrPublicKey], is for a node whose key is
// none; Sent ends the request then.
func (o *Out) Initiate(key *secp.PrivateKey, eph secp.OneTimeKey) error { return nil }

// Agree gives the keys of such a packet without cryptography. It is for simulations.
func (o *Out) Agree(k Keys) {}

// Sent installs the session of a packet that needed keys, and reports whether the
// packet is to be sent. The driver calls it under the lock after Initiate, and before
// the packet leaves, so that no answer can overtake it. Of other packets it does
// nothing.
func (m *Machine) Sent(o *Out) bool { return true }

// Seal appends the packet as it goes over the wire to b. p is working space. It may
// run outside of the lock. Errors are those of [Packet.Seal], and none is expected:
// the machine makes no message that is too large.
func (o *Out) Seal(b []byte, p *Packet) ([]byte, error) { return b, nil }
