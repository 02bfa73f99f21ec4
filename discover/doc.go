// Package discover runs Node Discovery, v4 and v5.1, on UDP sockets: it is the driver
// of the machines in discv4, discv5, discmux and kad. Both versions share a port and a
// table; [Config].Protocols chooses among them.
//
// [Listen] starts a node on a connection from [ListenUDP]. From then on it
// answers others, keeps its table healthy, and its methods ask the network:
// [UDP.Ping], [UDP.RequestENR], [UDP.Lookup], [UDP.Resolve],
// [UDP.RandomNodes], and, over v5, [UDP.Talk]. All that block take a context and end
// with it. Each node is asked by what it speaks.
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
// Records are signed by their nodes, but say what the node likes. Packets of v4 are
// signed, not encrypted: who watches the wire sees who is asked for whom. Those of v5
// are encrypted.
package discover
