package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/log"
	geth "github.com/ethereum/go-ethereum/p2p/discover"
	gethenode "github.com/ethereum/go-ethereum/p2p/enode"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// startOursV5 starts a node of Kith's that speaks the protocols given.
func startOursV5(t *testing.T, speaks kad.Protocol, boot ...*enode.Node) *discover.UDP {
	t.Helper()
	conn, err := discover.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := secp.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	n, err := discover.Listen(conn, enode.NewLocalNode(key, nil), discover.Config{Protocols: speaks, Bootnodes: boot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// startTheirsV5 starts a node of go-ethereum's that speaks Node Discovery v5.
func startTheirsV5(t *testing.T, boot ...string) *geth.UDPv5 {
	t.Helper()
	cfg := geth.Config{Log: log.NewLogger(log.DiscardHandler())}
	for _, url := range boot {
		cfg.Bootnodes = append(cfg.Bootnodes, gethenode.MustParse(url))
	}
	var err error
	if cfg.PrivateKey, err = crypto.GenerateKey(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	db, err := gethenode.OpenDB("")
	if err != nil {
		t.Fatal(err)
	}
	ln := gethenode.NewLocalNode(db, cfg.PrivateKey)
	ln.SetStaticIP(net.IPv4(127, 0, 0, 1))
	ln.SetFallbackUDP(conn.LocalAddr().(*net.UDPAddr).Port)
	n, err := geth.ListenV5(conn, ln, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(); db.Close() })
	return n
}

// await calls f until it has no error.
func await(t *testing.T, f func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), findTime)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// TestTheirV5NodesMeetAtOurs: ten of go-ethereum's nodes that know only one of Kith's find
// each other through it.
func TestTheirV5NodesMeetAtOurs(t *testing.T) {
	t.Parallel()
	boot := startOursV5(t, kad.V4|kad.V5)
	var nodes []*geth.UDPv5
	for range 10 {
		nodes = append(nodes, startTheirsV5(t, boot.Self().String()))
	}
	for i, n := range nodes {
		for j, o := range nodes {
			if i == j {
				continue
			}
			await(t, func(context.Context) error {
				for _, found := range n.Lookup(o.Self().ID()) {
					if found.ID() == o.Self().ID() {
						return nil
					}
				}
				return fmt.Errorf("node %d does not find node %d", i, j)
			})
		}
	}
}

// TestOurNodesMeetAtTheirV5: Kith's nodes, two by v5 alone and two by both, find each other
// through one of go-ethereum's that speaks v5.
func TestOurNodesMeetAtTheirV5(t *testing.T) {
	t.Parallel()
	theirs := startTheirsV5(t)
	boot, err := enode.Parse(theirs.Self().String())
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*discover.UDP
	for _, speaks := range []kad.Protocol{kad.V5, kad.V5, 0, 0} {
		nodes = append(nodes, startOursV5(t, speaks, boot))
	}
	for i, n := range nodes {
		for j, o := range nodes {
			if i == j {
				continue
			}
			await(t, func(ctx context.Context) error {
				found, err := n.Lookup(ctx, o.Self().PublicKey())
				for _, f := range found {
					if f.ID() == o.Self().ID() {
						return nil
					}
				}
				return errors.Join(err, fmt.Errorf("node %d does not find node %d", i, j))
			})
		}
	}
}

// TestTalkWithTheirs: TALKREQ, both ways.
func TestTalkWithTheirs(t *testing.T) {
	t.Parallel()
	ours, theirs := startOursV5(t, 0), startTheirsV5(t)
	ours.HandleTalk("reverse", func(_ *enode.Node, _ netip.AddrPort, request []byte) []byte { return reversed(request) })
	theirs.RegisterTalkHandler("reverse", func(_ *gethenode.Node, _ *net.UDPAddr, request []byte) []byte { return reversed(request) })
	request := []byte("what comes last is first")

	node, err := enode.Parse(theirs.Self().String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ours.Talk(t.Context(), node, "reverse", request); err != nil || !bytes.Equal(got, reversed(request)) {
		t.Errorf("theirs answers %q, %v", got, err)
	}
	if got, err := ours.Talk(t.Context(), node, "nobody knows it", request); err != nil || len(got) > 0 {
		t.Errorf("theirs answers %q, %v to a protocol that it does not know", got, err)
	}
	back := gethenode.MustParse(ours.Self().String())
	if got, err := theirs.TalkRequest(back, "reverse", request); err != nil || !bytes.Equal(got, reversed(request)) {
		t.Errorf("ours answers %q, %v", got, err)
	}
	if got, err := theirs.TalkRequest(back, "nobody knows it", request); err != nil || len(got) > 0 {
		t.Errorf("ours answers %q, %v to a protocol that it does not know", got, err)
	}
}

func reversed(b []byte) []byte {
	r := bytes.Clone(b)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return r
}
