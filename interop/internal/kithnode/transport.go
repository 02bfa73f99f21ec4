package kithnode

import (
	"context"
	"net"
	"sync"

	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/control"
)

// identities are the two ends' keys.
var identities = sync.OnceValues(func() (keys [2]*secp.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = secp.GenerateKey(); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// flushAt is how much a busy writer gathers before it gives it to the system.
const flushAt = 16 << 10

// connect makes a pipe of Kith's RLPx connections.
func connect(a, b net.Conn) (p control.Pipe, err error) {
	keys, err := identities()
	if err != nil {
		return p, err
	}
	key, other := keys[0], keys[1]
	ctx := context.Background()
	type result struct {
		conn *rlpx.Conn
		err  error
	}
	accepted := make(chan result, 1)
	go func() {
		c, err := rlpx.Accept(ctx, b, other)
		accepted <- result{c, err}
	}()
	from, err := rlpx.Dial(ctx, a, key, other.Public())
	if err != nil {
		return p, err
	}
	to := <-accepted
	if to.err != nil {
		return p, to.err
	}
	from.SetSnappy(true)
	to.conn.SetSnappy(true)
	return control.Pipe{
		Send: func(payload []byte) error {
			if err := from.Append(rlpx.BaseCodes, payload); err != nil || from.Buffered() < flushAt {
				return err
			}
			return from.Flush()
		},
		Flush: from.Flush,
		Receive: func() (int, error) {
			_, payload, err := to.conn.ReadMsg()
			return len(payload), err
		},
	}, nil
}

// connectServers makes a pipe of a protocol that two of Kith's Servers speak.
func connectServers() (p control.Pipe, stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var ends []chan p2p.MsgReadWriter
	var servers []*server
	stop = func() {
		cancel()
		for _, s := range servers {
			s.Close()
		}
	}
	for range 2 {
		end := make(chan p2p.MsgReadWriter, 1)
		srv, err := newServer(control.ServerConfig{MaxPeers: 5}, func(ctx context.Context, rw p2p.MsgReadWriter) error {
			end <- rw
			<-ctx.Done()
			return ctx.Err()
		})
		if err != nil {
			return p, stop, err
		}
		ends, servers = append(ends, end), append(servers, srv)
	}
	if _, err := servers[0].Connect(ctx, servers[1].Self()); err != nil {
		return p, stop, err
	}
	from, to := <-ends[0], <-ends[1]
	return control.Pipe{
		Send: func(payload []byte) error { return from.WriteMsg(ctx, 0, payload) },
		Receive: func() (int, error) {
			m, err := to.ReadMsg(ctx)
			return len(m.Payload), err
		},
	}, stop, nil
}
