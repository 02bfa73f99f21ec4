// Package peering decides whom to dial, whom to accept and whom to keep: the
// protocol logic of the Server, without its connections.
//
// # Contract
//
// A [Core] is logic without goroutines, locks, sockets, clocks or global
// randomness. Calls must not overlap. Use it in this order:
//
//	c.Advance(now)             // first: sets the time
//	c.NodeFound(n, source)     // any number of calls
//	dials, drops := c.Flush()  // last: what to begin, and whom to drop
//	t := c.NextWake()          // call Advance again no later than t; zero: never
//
// Each dial ends with exactly one call of [Core.Dialed], whether a peer came of it
// or not. A connection passes three checkpoints:
//
//	in, evicted, wait, err := c.Accept(addr)  // inbound only, before any cryptography
//	err := c.PostHandshake(conn, addr)        // the other side's key is known
//	err := c.AddPeer(conn, useful)            // its protocols are known
//
// and ends with c.Remove(conn, why), which is due as soon as PostHandshake was
// called, whatever it returned; an inbound one besides with c.Done(in) when its key
// is known, or its handshake over.
//
// # What it promises
//
//   - static nodes are dialed first and for ever, with growing pauses; all others
//     only while fewer than MaxPeers/DialRatio outbound peers are there, at most
//     MaxDials at once, and none within 35 seconds of the last try;
//   - a node is dialed before others if it was a good peer, and left alone for a
//     while, which doubles, if it was none ([Score]); static nodes are never;
//   - of two connections between the same two nodes that are set up at the same
//     time both sides keep the same one;
//   - a stranger can't use up the places of trusted nodes, nor those for outbound
//     peers;
//   - every refusal has a [Reason], which is counted and kept in the node's trace;
//   - all state is bounded.
//
// # What it does not check
//
// Keys and protocols are the caller's: it is told who the other side is, and
// whether any protocol is common to both.
package peering
