package p2p

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/secp"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// echo answers code 0 by code 1 with the same payload.
func echo() Protocol {
	return Protocol{Name: "echo", Version: 1, Length: 2, Run: func(ctx context.Context, p *Peer, rw MsgReadWriter) error {
		for {
			m, err := rw.ReadMsg(ctx)
			if err != nil {
				return err
			}
			if m.Code == 0 {
				if err := rw.WriteMsg(ctx, 1, m.Payload); err != nil {
					return err
				}
			}
		}
	}}
}

// lines is a protocol that hands its side of each connection to the test.
type lines struct {
	Protocol
	open chan *line
}

type line struct {
	*Peer
	rw  MsgReadWriter
	end chan error // makes Run return
}

func newLines(name string, version, length uint64) *lines {
	l := &lines{open: make(chan *line, 1000)}
	l.Protocol = Protocol{Name: name, Version: version, Length: length, Run: func(ctx context.Context, p *Peer, rw MsgReadWriter) error {
		c := &line{p, rw, make(chan error, 1)}
		l.open <- c
		select {
		case err := <-c.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	return l
}

func newKey(t testing.TB) *secp.PrivateKey {
	t.Helper()
	k, err := secp.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// start runs a Server on loopback, without discovery, until the test ends.
func start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s, _ := startUntil(t, cfg)
	return s
}

// startUntil is start, with a function that ends the Server and waits for it.
func startUntil(t testing.TB, cfg Config) (*Server, func()) {
	t.Helper()
	cfg.Listen, cfg.NoDiscovery = loopback, true
	s, stop := launch(t, cfg)
	t.Cleanup(stop)
	return s, stop
}

// startNode is start with discovery.
func startNode(t testing.TB, cfg Config) *Server {
	t.Helper()
	cfg.Listen = loopback
	s, stop := launch(t, cfg)
	t.Cleanup(stop)
	return s
}

// launch runs a Server and returns a function that ends it, which may be called again.
func launch(t testing.TB, cfg Config) (*Server, func()) {
	t.Helper()
	if cfg.Key == nil {
		cfg.Key = newKey(t)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	return s, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// connect connects a to b.
func connect(t testing.TB, a, b *Server) *Peer {
	t.Helper()
	p, err := a.Connect(t.Context(), b.Self())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits for what must come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatal("never: " + what)
		}
	}
}
