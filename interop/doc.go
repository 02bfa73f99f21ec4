// Package interop is Kith beside go-ethereum: the same packets, records and
// networks, made by one and understood by the other.
//
// It holds tests only. They show that the two agree on the wire (RLP, secp256k1,
// node records, enode URLs, packets of Node Discovery v4 and v5), that go-ethereum's own
// conformance suite passes against a running kith node, and that nodes of the
// one find each other through a node of the other.
//
// The command in compare/ does the same work with both, in the same run, and
// prints what each needed for it.
//
// This is a module of its own so that go-ethereum's dependencies never reach
// Kith's. Everything here stays on loopback addresses.
package interop
