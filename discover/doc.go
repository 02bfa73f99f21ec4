// Package discover runs Node Discovery on UDP sockets: it is the driver of the
// machines in discv4 and kad.
//
// [Listen] starts a node on a connection from [ListenUDP]. From then on it
// answers others, keeps its table healthy, and its methods ask the network:
// [UDP.Ping], [UDP.RequestENR], [UDP.Lookup], [UDP.Resolve],
// [UDP.RandomNodes]. All that block take a context and end with it.
//
// # What it promises
//
//   - Close ends every call under way and returns when no goroutine is left.
//   - What strangers send costs no cryptography before it has passed the checks
//     on size, structure, expiration and source, and within a bounded rate after
//     them. Every packet that is dropped is counted under its reason in
//     [UDP.Stats].
//   - Nothing is sent to anybody but the bootnodes given, nodes that these led
//     to, and who asked. There is no built-in bootnode.
//
// # What it does not check
//
// Discovery finds nodes that answer; it does not know what they are good for.
// Records are signed by their nodes, but say what the node likes. Packets are
// signed, not encrypted: who watches the wire sees who is asked for whom.
package discover
