package kithnode

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/control"
)

// server is a running Server.
type server struct {
	*p2p.Server
	cancel context.CancelFunc
	done   chan struct{}
}

// newServer starts a Server of Kith with one protocol.
func newServer(cfg control.ServerConfig, run func(context.Context, p2p.MsgReadWriter) error) (*server, error) {
	key, err := secp.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	boot, err := parseNodes(cfg.Bootnodes)
	if err != nil {
		return nil, err
	}
	db, err := nodedb.Open("", nil) // in memory: nothing to close
	if err != nil {
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	srv, err := p2p.New(p2p.Config{
		Key: key, Name: control.Protocol, Listen: netip.MustParseAddrPort("127.0.0.1:0"), DB: db,
		MaxPeers: cfg.MaxPeers, DialRatio: cfg.DialRatio,
		NoDiscovery: !cfg.Discovery, Bootnodes: boot, Discovery: discover.Config{Protocols: kad.V4},
		Protocols: []p2p.Protocol{{Name: control.Protocol, Version: control.Version, Length: control.Length,
			Run: func(ctx context.Context, _ *p2p.Peer, rw p2p.MsgReadWriter) error { return run(ctx, rw) }}},
	})
	if err != nil {
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{srv, cancel, make(chan struct{})}
	failed := make(chan error, 1)
	go func() {
		failed <- srv.Run(ctx)
		close(s.done)
	}()
	select {
	case <-srv.Ready():
		return s, nil
	case err := <-failed:
		cancel()
		return nil, fmt.Errorf("kithnode: %w", err)
	}
}

// startServer starts a Server whose protocol waits for messages that nobody sends.
func startServer(cfg control.ServerConfig) (control.Server, error) {
	srv, err := newServer(cfg, func(ctx context.Context, rw p2p.MsgReadWriter) error {
		cfg.Peers.Add(1)
		defer cfg.Peers.Add(-1)
		for {
			if _, err := rw.ReadMsg(ctx); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return srv, nil
}

// URL returns the Server's enode:// form.
func (s *server) URL() string { return s.Self().URL() }

// AddPeer has a node dialed and kept connected.
func (s *server) AddPeer(url string) error {
	nodes, err := parseNodes([]string{url})
	if err != nil {
		return err
	}
	s.AddStatic(nodes[0])
	return nil
}

// Close stops the Server.
func (s *server) Close() {
	s.cancel()
	<-s.done
}

func parseNodes(urls []string) (nodes []*enode.Node, err error) {
	for _, url := range urls {
		n, err := enode.Parse(url)
		if err != nil {
			return nil, fmt.Errorf("kithnode: node %q: %w", url, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
