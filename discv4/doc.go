// Package discv4 is the Node Discovery Protocol v4: its packets and the state
// machine that answers others, asks them, and keeps a Kademlia table of them.
// The specification is discv4.md of the devp2p repository, with EIP-8 (be
// tolerant of what later versions add) and EIP-868 (node records).
//
// # Contract
//
// A [Machine] is protocol logic without goroutines, locks, sockets, clocks or
// global randomness. Calls must not overlap. Use it in this order:
//
//	m.Advance(now)                    // first: sets the time, runs what is due
//	m.Admit(from, &p, busy)           // before a packet's signature is recovered
//	m.HandlePacket(from, &key, &p)    // any number of calls, and of requests
//	out := m.Flush(nil)               // last: packets to send, in order
//	m.Sent(&out[i])                   // of each, once encoded, before it leaves
//	t := m.NextWake()                 // call Advance again no later than t
//
// # What it promises
//
//   - every done function is called exactly once, later, by one of these calls;
//   - queries are answered only to who has proven its endpoint: a node at an IP
//     address, for 24 hours (discv4.md, "Endpoint Proof");
//   - an address that has proven nothing is sent at most one PONG and one PING
//     for each PING that came from it; one that others, or the user, name is
//     sent three PINGs at most for a question whether a node is there;
//   - no packet that [Machine.Admit] refuses costs a signature recovery, and the
//     rate of those it lets through from unknown sources is bounded;
//   - all state is bounded, whatever is sent.
//
// # What it does not check
//
// The endpoint in a PING's from field is ignored, as the specification demands:
// a node is where its packets come from. Replies say nothing about which
// FINDNODE they answer, so a node can answer with any nodes it likes; what it
// names must answer itself before the table hands it on. Packets are not secret,
// and a recorded PING can be replayed from its own address until it expires.
package discv4
