package gethnode

import (
	"fmt"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/interop/internal/control"
)

// newServer starts a Server of go-ethereum with one protocol.
func newServer(cfg control.ServerConfig, run func(p2p.MsgReadWriter) error) (*p2p.Server, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	boot, err := parseNodes(cfg.Bootnodes)
	if err != nil {
		return nil, err
	}
	srv := &p2p.Server{Config: p2p.Config{
		PrivateKey: key, Name: control.Protocol, ListenAddr: "127.0.0.1:0",
		MaxPeers: cfg.MaxPeers, DialRatio: cfg.DialRatio,
		NoDiscovery: !cfg.Discovery, DiscoveryV4: cfg.Discovery, BootstrapNodes: boot,
		Protocols: []p2p.Protocol{{Name: control.Protocol, Version: control.Version, Length: control.Length,
			Run: func(_ *p2p.Peer, rw p2p.MsgReadWriter) error { return run(rw) }}},
	}}
	if err := srv.Start(); err != nil {
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	return srv, nil
}

// server is a Server whose protocol waits for messages that nobody sends.
type server struct{ *p2p.Server }

func startServer(cfg control.ServerConfig) (control.Server, error) {
	srv, err := newServer(cfg, func(rw p2p.MsgReadWriter) error {
		cfg.Peers.Add(1)
		defer cfg.Peers.Add(-1)
		for {
			m, err := rw.ReadMsg()
			if err != nil {
				return err
			}
			if err := m.Discard(); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return server{srv}, nil
}

func (s server) URL() string { return s.Self().URLv4() }

func (s server) AddPeer(url string) error {
	nodes, err := parseNodes([]string{url})
	if err != nil {
		return err
	}
	s.Server.AddPeer(nodes[0])
	return nil
}

func (s server) Close() { s.Stop() }

func parseNodes(urls []string) (nodes []*enode.Node, err error) {
	for _, url := range urls {
		n, err := enode.Parse(enode.ValidSchemes, url)
		if err != nil {
			return nil, fmt.Errorf("gethnode: node %q: %w", url, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
