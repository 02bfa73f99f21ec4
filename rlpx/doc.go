// Package rlpx is the RLPx transport protocol: an encrypted, authenticated
// connection between two nodes that know each other by their secp256k1 keys, and
// the messages of its "p2p" capability. The specification is rlpx.md of the devp2p
// repository, with EIP-8 (tolerance of what later versions add) and EIP-706
// (compression).
//
// [Handshake] and [Framer] work on bytes and know no sockets. [Conn] drives them
// over a net.Conn: encryption handshake, protocol handshake ([Hello]), messages.
//
// # What it promises
//
//   - After [Conn.Handshake] the other side has proven that it holds the key that
//     it is known by; one that was dialed holds the key that was dialed.
//   - Nobody else can alter, cut, reorder, repeat or insert messages without the
//     connection ending with an error. After any error of a read, a connection
//     reads no more.
//   - What a peer sends is bounded before memory is taken or cryptography done for
//     it: handshake packets by their announced size, frames by the caller's limit,
//     compressed messages by the size that they announce.
//   - Sending and receiving a message allocates nothing once buffers have grown.
//
// # What RLPx does not protect
//
// The specification calls its own encryption weak, and it is. Both directions are
// encrypted with the same key and the same keystream: whoever knows what one side
// sent at some place reads what the other side sent at the same place. The
// messages of the handshake have no forward secrecy: who records them and later
// gets a node's key learns which node spoke to it. Traffic's sizes and times are
// open. A protocol that carries secrets or money must seal and sign its own
// messages.
//
// # What it does not check
//
// Whether the other side is wanted: it is only known by its key. Message content
// beyond the "p2p" capability is the protocols' own.
package rlpx
