// Package discv5 is the Node Discovery Protocol v5.1: its packets, messages, keys and
// encryption, and the state machine that answers others and asks them. The
// specification is discv5-wire.md and discv5-theory.md of the devp2p repository,
// without topic discovery.
//
// # Contract
//
// A [Machine] is protocol logic without goroutines, locks, sockets, clocks or global
// randomness. Calls must not overlap. Use it in this order:
//
//	m.Advance(now)                        // first: sets the time, runs what is due
//	v := m.Admit(from, &in.Header, busy)  // before any cryptography
//	m.HandlePacket(from, &in.Header, ...) // any number of calls, and of requests
//	out := m.Flush(nil)                   // last: packets to send, in order
//	m.Sent(&out[i])                       // of each that needed keys, before it leaves
//	t := m.NextWake()                     // call Advance again no later than t
//
// What takes long is for the driver to do between these calls, outside of its lock:
// to accept a handshake ([Accept.Run]), to answer a challenge ([Out.Initiate]), to
// verify records ([Check.Run]), to write packets ([Out.Seal]). Under the lock there is
// no more than the decryption of one message. A simulation puts something else in the
// place of all of these ([Accept.Agree], [Out.Agree], [Check.Resolve], [Sealed]) and
// has the same machine without cryptography.
//
// # Packets and messages
//
//	drop := p.Parse(data, own)                 // what is it, and from whom
//	message, drop := p.Open(p.Sealed[:0], c)   // under the session's key
//	drop = m.Decode(message)                   // PING, PONG, FINDNODE, ...
//
//	b, err := p.Seal(b, to, c, &m)             // a message, written
//	b, err := p.Encode(b, to)                  // a WHOAREYOU, or random bytes
//
//	keys, err := p.Initiate(key, eph, ...)     // answer a WHOAREYOU, then Seal
//	keys, drop := p.Accept(key, ...)           // check such an answer, then Open
//
// All of it is bytes to values and back. Masking IVs, nonces, ID nonces and ephemeral
// keys are given by the caller; the machine draws its own, but for ephemeral keys.
// [Packet] and [Message] are for one goroutine at a time, [Mask] and [Cipher] for any
// number.
//
// # What it promises
//
//   - no input makes it panic, and what is dropped is dropped for a [Drop] reason;
//   - every done function is called exactly once, later, by one of the machine's calls;
//   - no packet that [Machine.Admit] refuses costs cryptography. Signatures are looked
//     at only in answers to challenges of ours, from their node and endpoint, four
//     for a challenge at most, and in records that we have asked for, once each;
//   - a packet that nobody can read costs its sender's address one WHOAREYOU at most,
//     which is smaller, and no session;
//   - a session that one side has lost is made anew with one round trip, and the
//     request that found out is carried by the handshake;
//   - handshakes that cross leave both sides with sessions that the other can read;
//   - messages are read strictly: what was read is written as the same bytes, but for
//     an IPv4-mapped address in a PONG;
//   - all state is bounded, whatever is sent.
//
// # What it does not check
//
// That a recorded message comes a second time, from its own endpoint and under its
// session: the protocol has nothing against that, and a TALKREQ is then handled twice.
// Challenges that are outstanding are not replaced: who can send in the name of a node
// and its endpoint can hold its handshakes up for as long as he does. Records say what
// their signers chose: whoever is found in NODES must answer himself before he is handed
// on, which is the table's business.
package discv5
