package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// An asker is a node with a new key and a free port that lives as long as one
// question.
type asker struct {
	boot      bootFlags
	protocols askProtocols
	addr      netip.Addr
	timeout   time.Duration
	json      bool
}

func newAsker() *asker { return &asker{timeout: 10 * time.Second} }

func (k *asker) define(fs *flagSet, withBoot bool) {
	if withBoot {
		k.boot.define(fs)
	}
	k.protocols.define(fs)
	k.defineQuiet(fs)
}

// defineQuiet defines the flags that have nothing to do with how to ask.
func (k *asker) defineQuiet(fs *flagSet) {
	fs.addr(&k.addr, "addr", "send from the local address `IP`; without it loopback when all nodes given are there, else any", wantListen)
	fs.duration(&k.timeout, "timeout", "give up after `TIME`", time.Millisecond, time.Hour)
	fs.boolean(&k.json, "json", "write JSON")
}

// bootnodes returns the nodes to begin from, their names resolved. Those whose
// names don't resolve are warned about.
func (k *asker) bootnodes(ctx context.Context, a *app, name string) ([]*enode.Node, error) {
	all, err := k.boot.load(a)
	if err != nil {
		return nil, err
	}
	var found []*enode.Node
	for _, n := range all {
		if located, err := a.locate(ctx, n); err != nil {
			fmt.Fprintf(a.stderr, "kith %s: bootnode %s is left out: %v\n", name, n.ID().Short(), err)
		} else {
			found = append(found, located)
		}
	}
	if len(found) == 0 && len(all) > 0 {
		return nil, errors.New("no bootnode has an address")
	}
	return found, nil
}

// start starts the node. peers are those it is going to talk to first.
//
// It is given no bootnodes, because a node that has some fills its table first
// thing. That is traffic nobody asked for, and lookups would start from the
// table's nodes; see greet.
func (k *asker) start(peers ...*enode.Node) (*discover.UDP, error) {
	protocols, err := k.protocols.set()
	if err != nil {
		return nil, err
	}
	addr := k.addr
	if !addr.IsValid() {
		addr = localAddr(peers)
	}
	conn, err := listen(netip.AddrPortFrom(addr, 0))
	if err != nil {
		return nil, err
	}
	key, err := secp.GenerateKey()
	if err != nil {
		conn.Close()
		return nil, err
	}
	// One worker handles what a node sends in the order it comes: greet relies on
	// that a PONG is not overtaken by the PING behind it.
	node, err := discover.Listen(conn, enode.NewLocalNode(key, nil), discover.Config{Workers: 1, Protocols: protocols})
	if err != nil {
		conn.Close()
	}
	return node, err
}

// greet asks the bootnodes for their own neighbours, and tells of those that do
// not answer. It fails if none does. Those that do are in the node's table then:
// to be answered it has answered their ping, which a ping of its own would not
// wait for.
func (k *asker) greet(ctx context.Context, a *app, name string, node *discover.UDP, boot []*enode.Node) error {
	errs := make([]error, len(boot))
	var wg sync.WaitGroup
	for i, n := range boot {
		wg.Go(func() { _, errs[i] = node.Findnode(ctx, n, n.PublicKey()) })
	}
	wg.Wait()
	if !slices.Contains(errs, nil) && len(boot) > 0 {
		return fmt.Errorf("no bootnode answered (%d asked): %s", len(boot), failure(errs[0], k.timeout))
	}
	for i, err := range errs {
		if err != nil {
			fmt.Fprintf(a.stderr, "kith %s: bootnode %s is left out: %s\n", name, boot[i].ID().Short(), failure(err, k.timeout))
		}
	}
	return nil
}

// localAddr is where to send from to reach all nodes: the loopback address if
// they are all on it, else all addresses, which the zero Addr stands for.
func localAddr(nodes []*enode.Node) netip.Addr {
	loopback := func(is4 bool) bool {
		return !slices.ContainsFunc(nodes, func(n *enode.Node) bool {
			ip := n.IP()
			return ip.IsValid() && !(ip.IsLoopback() && ip.Is4() == is4)
		})
	}
	switch {
	case loopback(true):
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case loopback(false):
		return netip.IPv6Loopback()
	}
	return netip.Addr{}
}

// parseWanted reads what resolve and lookup look for: a node URL, a public key
// or an ID. For an ID, the node is nil.
func parseWanted(s string) (enode.ID, *enode.Node, error) {
	digits := strings.TrimPrefix(s, "0x")
	if b, err := hex.DecodeString(digits); err == nil {
		switch len(b) {
		case 32:
			return enode.ID(b), nil, nil
		case 33, 64, 65:
			key, err := secp.ParsePublicKey(b)
			if err != nil {
				return enode.ID{}, nil, usagef("%.16s… is no point on the curve secp256k1", s)
			}
			n := enode.NewV4(key, netip.Addr{}, 0, 0)
			return n.ID(), n, nil
		}
		return enode.ID{}, nil, usagef("%d hex digits are neither an ID (64) nor a public key (66, 128 or 130)", len(digits))
	}
	n, err := enode.Parse(s)
	if err != nil {
		return enode.ID{}, nil, usageError{err}
	}
	return n.ID(), n, nil
}

// failure says in a user's words why a question to a node failed.
func failure(err error, timeout time.Duration) string {
	switch {
	case errors.Is(err, kad.ErrTimeout):
		return "no answer: the node is down, cannot be reached from here, or does not speak this version of discovery"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s (see --timeout)", briefly(timeout))
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}

// nodeJSON describes a node.
type nodeJSON struct {
	ID    enode.ID `json:"id"`
	Enode string   `json:"enode"`
	ENR   string   `json:"enr,omitempty"`
	Seq   uint64   `json:"seq"` // 0 without a record
	IP    string   `json:"ip,omitempty"`
	UDP   uint16   `json:"udp"`
	TCP   uint16   `json:"tcp"`
}

func describe(n *enode.Node) nodeJSON {
	d := nodeJSON{ID: n.ID(), Enode: n.URL(), Seq: n.Seq(), UDP: n.UDP(), TCP: n.TCP()}
	if n.IP().IsValid() {
		d.IP = n.IP().String()
	}
	if n.Record() != nil {
		d.ENR = n.Record().String()
	}
	return d
}

// writeNode writes a node for people.
func writeNode(a *app, n *enode.Node) {
	fmt.Fprintf(a.stdout, "id        %s\n", n.ID())
	if n.Record() == nil {
		fmt.Fprintln(a.stdout, "record    none")
	} else {
		fmt.Fprintf(a.stdout, "record    %d\n", n.Seq())
	}
	if at, ok := n.UDPEndpoint(); ok {
		fmt.Fprintf(a.stdout, "udp       %v\n", at)
	}
	if at, ok := n.TCPEndpoint(); ok {
		fmt.Fprintf(a.stdout, "tcp       %v\n", at)
	}
	fmt.Fprintln(a.stdout, n.URL())
	if n.Record() != nil {
		fmt.Fprintln(a.stdout, n.Record())
	}
}
