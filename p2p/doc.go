// Package p2p is the Server: it finds nodes, connects to them and runs protocols
// over the connections.
//
//	srv, err := p2p.New(p2p.Config{Key: key, Protocols: []p2p.Protocol{chat}, Bootnodes: nodes})
//	err = srv.Run(ctx) // until ctx ends and every peer is gone
//
// It is the driver of the machine in package peering, which decides whom to dial, to
// accept and to keep; rlpx is the transport, discover finds the nodes.
//
// # What it promises
//
//   - A peer is a node that has proven its key, and with which a protocol is in
//     common. Its Protocol.Run runs once for each of them, and when one returns, or
//     panics, the peer is dropped with a reason and nobody else is touched.
//   - A peer that reads slowly, or not at all, holds a bounded part of memory and
//     only its own connection. One that says nothing for 30 seconds, not even a Pong,
//     is dropped.
//   - Every refusal and every end has a reason: in the events, in Explain, in Health.
//   - Run returns when its context ends and every peer is told and gone; a protocol
//     that does not end with its context is waited for no longer than five seconds.
//
// # What it does not check
//
// What protocols say to each other. The transport is weak, as package rlpx says:
// seal and sign what must be secret or true.
package p2p
