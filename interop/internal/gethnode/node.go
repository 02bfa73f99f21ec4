// Package gethnode runs go-ethereum's discovery nodes and Servers on loopback
// addresses, as the control package wants them.
//
// A node is set up as go-ethereum sets up its own: a UDP socket with the
// system's default buffers, an in-memory node database, default settings.
package gethnode

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/p2p/discover"
	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/p2p/enr"
	"github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/interop/internal/control"
)

// Go-ethereum asks a time server after 32 requests in a row went unanswered,
// which a flood brings about. Without a way to resolve names it gives up at
// once, and nothing leaves the machine.
func init() {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("gethnode: names are not resolved here")
		},
	}
}

// Implementation makes go-ethereum's nodes.
var Implementation = control.Implementation{
	Start:          start,
	NewParser:      newParser,
	NewCodec:       newCodec,
	Connect:        connect,
	ConnectServers: connectServers,
	StartServer:    startServer,
	RandomKey:      randomKey,
	IDOf:           func(key [64]byte) [32]byte { return v4wire.Pubkey(key).ID() },
}

// start starts a node on a free port of ip that knows the nodes at the given URLs.
func start(version int, ip netip.Addr, bootnodes []string) (control.Node, error) {
	boot, err := parseNodes(bootnodes)
	if err != nil {
		return nil, err
	}
	cfg := discover.Config{Log: log.NewLogger(log.DiscardHandler()), Bootnodes: boot}
	if cfg.PrivateKey, err = crypto.GenerateKey(); err != nil {
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	db, err := enode.OpenDB("")
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	ln := enode.NewLocalNode(db, cfg.PrivateKey)
	ln.SetStaticIP(ip.AsSlice())
	ln.SetFallbackUDP(port)
	ln.Set(enr.TCP(port))
	var n control.Node
	switch version {
	case control.V4:
		var udp *discover.UDPv4
		udp, err = discover.ListenV4(conn, ln, cfg)
		n = node4{udp, db}
	case control.V5:
		var udp *discover.UDPv5
		udp, err = discover.ListenV5(conn, ln, cfg)
		n = node5{udp, db}
	default:
		err = fmt.Errorf("no discovery v%d", version)
	}
	if err != nil {
		conn.Close()
		db.Close()
		return nil, fmt.Errorf("gethnode: %w", err)
	}
	return n, nil
}

// node4 is a running node of go-ethereum that speaks v4.
type node4 struct {
	*discover.UDPv4
	db *enode.DB
}

// URL returns the node's enode:// form.
func (n node4) URL() string { return n.Self().URLv4() }

// ID returns the node's identifier.
func (n node4) ID() [32]byte { return n.Self().ID() }

// Lookup returns the nodes nearest to the hash of key that the network knows.
func (n node4) Lookup(key [64]byte) ([][32]byte, error) {
	pub := &ecdsa.PublicKey{
		Curve: crypto.S256(),
		X:     new(big.Int).SetBytes(key[:32]),
		Y:     new(big.Int).SetBytes(key[32:]),
	}
	return idsOf(n.LookupPubkey(pub)), nil
}

func idsOf(nodes []*enode.Node) [][32]byte {
	ids := make([][32]byte, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID()
	}
	return ids
}

// Buckets counts the table's entries, checked and unchecked ones.
func (n node4) Buckets() [control.Buckets]int { return countsOf(n.TableBuckets()) }

func countsOf(buckets [][]discover.BucketNode) (counts [control.Buckets]int) {
	for i, bucket := range buckets {
		counts[i] = len(bucket)
	}
	return counts
}

// Ping pings the node at a URL.
func (n node4) Ping(url string) error {
	nodes, err := parseNodes([]string{url})
	if err != nil {
		return err
	}
	_, err = n.UDPv4.Ping(nodes[0])
	return err
}

// Close stops the node.
func (n node4) Close() {
	n.UDPv4.Close()
	n.db.Close()
}

// node5 is a running node of go-ethereum that speaks v5.
type node5 struct {
	*discover.UDPv5
	db *enode.DB
}

// URL returns the node's record.
func (n node5) URL() string { return n.Self().String() }

// ID returns the node's identifier.
func (n node5) ID() [32]byte { return n.Self().ID() }

// Lookup returns the nodes nearest to the hash of key that the network knows.
func (n node5) Lookup(key [64]byte) ([][32]byte, error) {
	return idsOf(n.UDPv5.Lookup(v4wire.Pubkey(key).ID())), nil
}

// Buckets counts the table's entries, checked and unchecked ones.
func (n node5) Buckets() [control.Buckets]int { return countsOf(n.Nodes()) }

// Ping pings the node at a URL.
func (n node5) Ping(url string) error {
	nodes, err := parseNodes([]string{url})
	if err != nil {
		return err
	}
	_, err = n.UDPv5.Ping(nodes[0])
	return err
}

// Close stops the node.
func (n node5) Close() {
	n.UDPv5.Close()
	n.db.Close()
}

func randomKey() (key [64]byte, err error) {
	k, err := crypto.GenerateKey()
	if err != nil {
		return key, fmt.Errorf("gethnode: %w", err)
	}
	return v4wire.EncodePubkey(&k.PublicKey), nil
}

// Where a packet's signature and its type stand.
const (
	hashSize = 32
	headSize = hashSize + crypto.SignatureLength
)

// newParser decodes a PING as v4wire.Decode does, which offers no way to leave
// out the recovery: the packet's hash, the hash that is signed, the contents.
func newParser(packet []byte) (func() error, error) {
	if len(packet) <= headSize || packet[headSize] != v4wire.PingPacket {
		return nil, errors.New("gethnode: not a PING")
	}
	return func() error {
		if !bytes.Equal(packet[:hashSize], crypto.Keccak256(packet[hashSize:])) {
			return v4wire.ErrBadHash
		}
		signed := crypto.Keccak256(packet[headSize:])
		if len(signed) != hashSize {
			return v4wire.ErrBadHash
		}
		return rlp.NewStream(bytes.NewReader(packet[headSize+1:]), 0).Decode(new(v4wire.Ping))
	}, nil
}
