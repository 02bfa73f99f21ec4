package p2p

import (
	"context"
	"net"

	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

// Transport is an encrypted connection to a node whose key is proven. One goroutine
// reads while others write. *rlpx.Conn is one.
type Transport interface {
	Remote() secp.PublicKey
	Hello(ctx context.Context, own *rlpx.Hello) (*rlpx.Hello, error)
	// Await waits until there is something for ReadMsg to return, or to begin with,
	// and Unread reports whether there is.
	Await() error
	Unread() bool
	ReadMsg() (code uint64, content []byte, err error)
	Append(code uint64, content []byte) error
	Buffered() int
	Flush() error
	Disconnect(rlpx.DiscReason) error
	// Rest gives up what is made anew when the next message comes or goes, unless it
	// was in use since the last call. Anybody may call it at any time.
	Rest()
	NetConn() net.Conn
}

// Upgrade makes the encryption handshake on a connection. remote is the key that was
// dialed, nil on a connection that was accepted.
type Upgrade func(ctx context.Context, conn net.Conn, key *secp.PrivateKey, remote *secp.PublicKey) (Transport, error)

// RLPx is the Upgrade that a Server uses unless told otherwise.
func RLPx(ctx context.Context, conn net.Conn, key *secp.PrivateKey, remote *secp.PublicKey) (Transport, error) {
	var c *rlpx.Conn
	var err error
	if remote == nil {
		c, err = rlpx.Accept(ctx, conn, key)
	} else {
		c, err = rlpx.Dial(ctx, conn, key, *remote)
	}
	if err != nil {
		return nil, err // and not a nil *rlpx.Conn
	}
	return c, nil
}
