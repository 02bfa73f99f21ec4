package gethnode

import (
	"bytes"
	"crypto/ecdsa"
	"io"
	"net"
	"sync"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/rlpx"

	"github.com/kithnet/kith/interop/internal/control"
)

// firstCode is the first message code that protocols have.
const firstCode = 16

// identities are the two ends' keys.
var identities = sync.OnceValues(func() (keys [2]*ecdsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = crypto.GenerateKey(); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// connect makes a pipe of go-ethereum's RLPx connections.
func connect(a, b net.Conn) (p control.Pipe, err error) {
	keys, err := identities()
	if err != nil {
		return p, err
	}
	key, other := keys[0], keys[1]
	from, to := rlpx.NewConn(a, &other.PublicKey), rlpx.NewConn(b, nil)
	accepted := make(chan error, 1)
	go func() {
		_, err := to.Handshake(other)
		accepted <- err
	}()
	if _, err := from.Handshake(key); err != nil {
		return p, err
	}
	if err := <-accepted; err != nil {
		return p, err
	}
	from.SetSnappy(true)
	to.SetSnappy(true)
	return control.Pipe{
		Send: func(payload []byte) error {
			_, err := from.Write(firstCode, payload)
			return err
		},
		Receive: func() (int, error) {
			_, payload, _, err := to.Read()
			return len(payload), err
		},
	}, nil
}

// connectServers makes a pipe of a protocol that two of go-ethereum's Servers speak.
func connectServers() (p control.Pipe, stop func(), err error) {
	var servers []*p2p.Server
	var ends []chan p2p.MsgReadWriter
	over := make(chan struct{})
	stop = func() {
		close(over)
		for _, s := range servers {
			s.Stop()
		}
	}
	for range 2 {
		end := make(chan p2p.MsgReadWriter, 1)
		srv, err := newServer(control.ServerConfig{MaxPeers: 5}, func(rw p2p.MsgReadWriter) error {
			end <- rw
			<-over
			return p2p.DiscQuitting
		})
		if err != nil {
			return p, stop, err
		}
		ends, servers = append(ends, end), append(servers, srv)
	}
	servers[0].AddPeer(servers[1].Self())
	from, to := <-ends[0], <-ends[1]
	var got bytes.Buffer
	return control.Pipe{
		Send: func(payload []byte) error {
			return from.WriteMsg(p2p.Msg{Size: uint32(len(payload)), Payload: bytes.NewReader(payload)})
		},
		Receive: func() (int, error) {
			m, err := to.ReadMsg()
			if err != nil {
				return 0, err
			}
			got.Reset() // a protocol has to read the payload somewhere
			n, err := io.Copy(&got, m.Payload)
			return int(n), err
		},
	}, stop, nil
}
