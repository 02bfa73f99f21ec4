// Package kithnode runs Kith's discovery nodes and Servers on loopback addresses, as
// the control package wants them: with default settings, and a node database in
// memory.
package kithnode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/control"
)

// Implementation makes Kith's nodes.
var Implementation = control.Implementation{
	Start: func(version int, ip netip.Addr, bootnodes []string) (control.Node, error) {
		return Start(version, ip, bootnodes)
	},
	NewParser:      newParser,
	NewCodec:       newCodec,
	Connect:        connect,
	ConnectServers: connectServers,
	StartServer:    startServer,
	RandomKey:      randomKey,
	IDOf: func(key [64]byte) [32]byte {
		pub := secp.PublicKey(key)
		return enode.PubkeyID(&pub)
	},
}

// Node is a running node of Kith.
type Node struct {
	*discover.UDP
	db      *nodedb.DB
	version int
}

// Start starts a node on a free port of ip that knows the nodes at the given URLs and
// speaks one version of discovery, as go-ethereum's nodes do beside it.
func Start(version int, ip netip.Addr, bootnodes []string) (*Node, error) {
	boot, err := parseNodes(bootnodes)
	if err != nil {
		return nil, err
	}
	cfg := discover.Config{Bootnodes: boot, Protocols: map[int]kad.Protocol{control.V4: kad.V4, control.V5: kad.V5}[version]}
	if cfg.Protocols == 0 {
		return nil, fmt.Errorf("kithnode: no discovery v%d", version)
	}
	key, err := secp.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	conn, err := discover.ListenUDP(netip.AddrPortFrom(ip, 0))
	if err != nil {
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	if cfg.DB, err = nodedb.Open("", nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	ln := enode.NewLocalNode(key, cfg.DB)
	ln.SetStaticIP(ip)
	ln.SetTCP(conn.LocalAddr().Port())
	udp, err := discover.Listen(conn, ln, cfg)
	if err != nil {
		conn.Close()
		cfg.DB.Close()
		return nil, fmt.Errorf("kithnode: %w", err)
	}
	return &Node{udp, cfg.DB, version}, nil
}

// URL returns the node's enode:// form, or for v5 its record.
func (n *Node) URL() string {
	if n.version == control.V5 {
		return n.Self().String()
	}
	return n.Self().URL()
}

// ID returns the node's identifier.
func (n *Node) ID() [32]byte { return n.Self().ID() }

// Lookup returns the nodes nearest to the hash of key that the network knows.
func (n *Node) Lookup(key [64]byte) ([][32]byte, error) {
	found, err := n.UDP.Lookup(context.Background(), key)
	ids := make([][32]byte, len(found))
	for i, f := range found {
		ids[i] = f.ID()
	}
	return ids, err
}

// Buckets counts the table's entries, all of which have answered.
func (n *Node) Buckets() (counts [control.Buckets]int) {
	for i, bucket := range n.UDP.Buckets() {
		counts[i] = len(bucket.Entries)
	}
	return counts
}

// Ping pings the node at a URL.
func (n *Node) Ping(url string) error {
	nodes, err := parseNodes([]string{url})
	if err != nil {
		return err
	}
	_, err = n.UDP.Ping(context.Background(), nodes[0])
	return err
}

// Close stops the node.
func (n *Node) Close() {
	n.UDP.Close()
	n.db.Close()
}

func randomKey() ([64]byte, error) {
	k, err := secp.GenerateKey()
	if err != nil {
		return [64]byte{}, fmt.Errorf("kithnode: %w", err)
	}
	return k.Public(), nil
}

// A packet begins with its hash and its signature.
const (
	sigAt  = 32
	typeAt = sigAt + 65
)

// newParser decodes a PING, checks its hash, and makes the hash that is signed:
// all that Kith does before it recovers the signer.
func newParser(packet []byte) (func() error, error) {
	var p discv4.Packet
	if drop := p.Parse(packet); drop != discv4.DropNone || p.Kind != discv4.Ping {
		return nil, fmt.Errorf("kithnode: not a PING: %v", drop)
	}
	return func() error {
		if drop := p.Parse(packet); drop != discv4.DropNone {
			return fmt.Errorf("kithnode: dropped: %v", drop)
		}
		if secp.Keccak256(packet[sigAt:]) != p.Hash {
			return errors.New("kithnode: another hash")
		}
		if secp.Keccak256(packet[typeAt:]) == (discv4.Hash{}) {
			return errors.New("kithnode: no hash to sign")
		}
		return nil
	}, nil
}
