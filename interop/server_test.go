package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	geth "github.com/ethereum/go-ethereum/p2p"
	gethnode "github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

// The codes of the protocol echo/1.
const (
	echoAsk   = 0 // answered by echoReply with the same payload
	echoReply = 1
	echoEnd   = 2 // asks to be disconnected with the reason in the payload
)

// sizes are what is sent and has to come back: all that a message can be. The large
// ones can be compressed, or their frame would be too large.
var sizes = []int{0, 1, 15, 16, 17, 500, 1000, 70_000, 1 << 20, rlpx.MaxMessage}

func content(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i >> 8)
	}
	return b
}

// startTheirs runs go-ethereum's Server with the protocol echo/1. Its events say who
// was dropped, and why.
func startTheirs(t *testing.T, run func(geth.MsgReadWriter) error) (*geth.Server, chan *geth.PeerEvent) {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	srv := &geth.Server{Config: geth.Config{
		PrivateKey: key, MaxPeers: 20, Name: "geth-test/1", ListenAddr: "127.0.0.1:0", NoDiscovery: true,
		Protocols: []geth.Protocol{{
			Name: "echo", Version: 1, Length: 3,
			Run: func(_ *geth.Peer, rw geth.MsgReadWriter) error { return run(rw) },
		}},
	}}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	events := make(chan *geth.PeerEvent, 100)
	sub := srv.SubscribeEvents(events)
	t.Cleanup(func() {
		sub.Unsubscribe()
		srv.Stop()
	})
	return srv, events
}

// theirEcho answers, on go-ethereum's side.
func theirEcho(rw geth.MsgReadWriter) error {
	for {
		m, err := rw.ReadMsg()
		if err != nil {
			return err
		}
		payload, err := io.ReadAll(m.Payload)
		if err != nil {
			return err
		}
		if m.Code == echoEnd {
			return geth.DiscReason(payload[0])
		}
		if err := theirSend(rw, echoReply, payload); err != nil {
			return err
		}
	}
}

func theirSend(rw geth.MsgReadWriter, code uint64, payload []byte) error {
	return rw.WriteMsg(geth.Msg{Code: code, Size: uint32(len(payload)), Payload: bytes.NewReader(payload)})
}

// startOurs runs Kith's Server with the protocol echo/1.
func startOurs(t *testing.T, cfg p2p.Config, run func(context.Context, p2p.MsgReadWriter) error) *p2p.Server {
	t.Helper()
	key, err := secp.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Key, cfg.Name, cfg.Listen = key, "kith-test/1", netip.MustParseAddrPort("127.0.0.1:0")
	cfg.Protocols = []p2p.Protocol{{
		Name: "echo", Version: 1, Length: 3,
		Run: func(ctx context.Context, _ *p2p.Peer, rw p2p.MsgReadWriter) error { return run(ctx, rw) },
	}}
	srv, err := p2p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-srv.Ready()
	return srv
}

func ourEcho(ctx context.Context, rw p2p.MsgReadWriter) error {
	for {
		m, err := rw.ReadMsg(ctx)
		if err != nil {
			return err
		}
		if m.Code == echoEnd {
			return rlpx.DiscReason(m.Payload[0])
		}
		if err := rw.WriteMsg(ctx, echoReply, m.Payload); err != nil {
			return err
		}
	}
}

// ourNode is their Server as Kith knows a node.
func ourNode(t *testing.T, srv *geth.Server) *enode.Node {
	t.Helper()
	n, err := enode.Parse(srv.Self().URLv4())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWeDialThem sends messages of all sizes to go-ethereum's Server and back.
func TestWeDialThem(t *testing.T) {
	theirs, _ := startTheirs(t, theirEcho)
	result := make(chan error, 1)
	ours := startOurs(t, p2p.Config{NoDiscovery: true}, func(ctx context.Context, rw p2p.MsgReadWriter) error {
		result <- func() error {
			for _, size := range sizes {
				if err := rw.WriteMsg(ctx, echoAsk, content(size)); err != nil {
					return err
				}
				m, err := rw.ReadMsg(ctx)
				if err != nil {
					return err
				}
				if m.Code != echoReply || !bytes.Equal(m.Payload, content(size)) {
					return fmt.Errorf("%d bytes came back as code %d with %d", size, m.Code, len(m.Payload))
				}
			}
			return nil
		}()
		<-ctx.Done()
		return ctx.Err()
	})
	p, err := ours.Connect(t.Context(), ourNode(t, theirs))
	if err != nil {
		t.Fatal(err)
	}
	if p.Client() != "geth-test/1" {
		t.Errorf("the peer is %q", p.Client())
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// TestTheyDialUs is the other way round.
func TestTheyDialUs(t *testing.T) {
	result := make(chan error, 1)
	theirs, _ := startTheirs(t, func(rw geth.MsgReadWriter) error {
		result <- func() error {
			for _, size := range sizes {
				sent := make(chan error, 1)
				go func() { sent <- theirSend(rw, echoAsk, content(size)) }()
				m, err := rw.ReadMsg()
				if err != nil {
					return err
				}
				payload, err := io.ReadAll(m.Payload)
				if err != nil || m.Code != echoReply || !bytes.Equal(payload, content(size)) {
					return fmt.Errorf("%d bytes came back as code %d with %d, %v", size, m.Code, len(payload), err)
				}
				if err := <-sent; err != nil {
					return err
				}
			}
			return nil
		}()
		_, err := rw.ReadMsg()
		return err
	})
	ours := startOurs(t, p2p.Config{NoDiscovery: true}, ourEcho)
	n, err := gethnode.Parse(gethnode.ValidSchemes, ours.Self().URL())
	if err != nil {
		t.Fatal(err)
	}
	theirs.AddPeer(n)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if peers := ours.Peers(); len(peers) != 1 || !peers[0].Inbound() || peers[0].Client() != "geth-test/1" {
		t.Errorf("%d peers", len(peers))
	}
}

// reasons are those of the specification that a protocol can give.
var reasons = []rlpx.DiscReason{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10}

// TestReasons: each side understands why the other disconnects.
func TestReasons(t *testing.T) {
	theirs, events := startTheirs(t, theirEcho)
	at := ourNode(t, theirs)
	for _, reason := range reasons {
		ask := make(chan p2p.MsgReadWriter, 1)
		ours := startOurs(t, p2p.Config{NoDiscovery: true}, func(ctx context.Context, rw p2p.MsgReadWriter) error {
			ask <- rw
			<-ctx.Done()
			return ctx.Err()
		})
		connect := func() *p2p.Peer {
			p, err := ours.Connect(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := connect()
		if err := (<-ask).WriteMsg(t.Context(), echoEnd, []byte{byte(reason)}); err != nil {
			t.Fatal(err)
		}
		// A network error is the one reason that go-ethereum does not tell.
		if <-p.Done(); p.Err() != reason && reason != rlpx.DiscNetworkError {
			t.Errorf("they said %v, we understood %v", reason, p.Err())
		}
		awaitDrop(t, events)
		p = connect()
		<-ask
		p.Disconnect(reason)
		if got := awaitDrop(t, events); got != geth.DiscReason(reason).Error() {
			t.Errorf("we said %v, they understood %s", reason, got)
		}
	}
}

// awaitDrop returns the reason of the next peer that go-ethereum drops.
func awaitDrop(t *testing.T, events chan *geth.PeerEvent) string {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.Type == geth.PeerEventTypeDrop {
				return e.Error
			}
		case <-t.Context().Done():
			t.Fatal("no peer was dropped")
		}
	}
}
