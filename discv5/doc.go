// Package discv5 is the wire half of the Node Discovery Protocol v5.1: packets,
// messages, key agreement and the sessions' encryption. The specification is
// discv5-wire.md and discv5-theory.md of the devp2p repository, without topic
// discovery.
//
// # How it is used
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
// All of it is bytes to values and back: no sockets, clocks, state or randomness.
// Masking IVs, nonces, ID nonces and ephemeral keys are given by the caller.
//
// # What it promises
//
//   - no input makes it panic, and what is dropped is dropped for a [Drop] reason;
//   - what can be refused without cryptography is refused before it;
//   - messages are read strictly: what was read is written as the same bytes, but
//     for an IPv4-mapped address in a PONG;
//   - reading and writing packets does not allocate where [Packet], [Message] and
//     the buffers are used again; key agreement does;
//   - [Packet] and [Message] are for one goroutine at a time, [Mask] and [Cipher]
//     for any number.
//
// # What it does not check
//
// A packet says who sent it; only that its message opens under the session's key
// proves it. That a WHOAREYOU answers a request of ours, that a handshake answers a
// challenge of ours, that its record is valid, newer and the sender's, that a
// response's kind, ID, total and distances suit its request: all this needs state
// and is the business of the machine above. Records in NODES are verified by
// [Message.Node] only. That a nonce is not used twice is up to who writes: the
// specification's way is a counter of 32 bits and 64 random bits.
package discv5
