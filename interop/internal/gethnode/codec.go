package gethnode

import (
	"bytes"
	crand "crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/ethereum/go-ethereum/common/mclock"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p/discover/v5wire"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/p2p/enr"
	"github.com/ethereum/go-ethereum/p2p/netutil"

	"github.com/kithnet/kith/interop/internal/control"
)

// codecAddr is where both ends of a codec's session are for each other.
const codecAddr = "127.0.0.1:30303"

// newCodec measures v5wire, which is what go-ethereum exports of its v5.
func newCodec(work control.Codec) (control.NewBatch, error) {
	a, err := newEnd()
	if err != nil {
		return nil, err
	}
	b, err := newEnd()
	if err != nil {
		return nil, err
	}
	if work == control.CodecHandshake {
		return handshakes(a, b), nil
	}
	if err := a.handshake(b, codecAddr); err != nil {
		return nil, err
	}
	switch work {
	case control.CodecPing:
		return pings(a, b), nil
	case control.CodecNodes:
		return answers(a, b)
	}
	return nil, fmt.Errorf("gethnode: unknown work %q", work)
}

// end is one end of a session.
type end struct {
	*v5wire.Codec
	node *enode.Node
}

func newEnd() (*end, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return nil, err
	}
	db, err := enode.OpenDB("")
	if err != nil {
		return nil, err
	}
	ln := enode.NewLocalNode(db, key)
	ln.SetStaticIP(net.IPv4(127, 0, 0, 1))
	ln.SetFallbackUDP(30303)
	ln.Set(enr.TCP(30303))
	return &end{v5wire.NewCodec(ln, key, mclock.System{}, nil), ln.Node()}, nil
}

// handshake makes a session, which a initiates. They have none for this address.
func (a *end) handshake(b *end, addr string) error {
	ping := &v5wire.Ping{ReqID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, ENRSeq: 1}
	noise, _, err := a.Encode(b.node.ID(), addr, ping, nil)
	if err != nil {
		return err
	}
	from, _, p, err := b.Decode(noise, addr)
	unknown, ok := p.(*v5wire.Unknown)
	if err != nil || !ok {
		return fmt.Errorf("gethnode: a packet without a session is %T: %w", p, err)
	}
	challenge := &v5wire.Whoareyou{Nonce: unknown.Nonce}
	crand.Read(challenge.IDNonce[:])
	asked, _, err := b.Encode(from, addr, challenge, nil)
	if err != nil {
		return err
	}
	_, _, p, err = a.Decode(asked, addr)
	who, ok := p.(*v5wire.Whoareyou)
	if err != nil || !ok {
		return fmt.Errorf("gethnode: a WHOAREYOU is %T: %w", p, err)
	}
	who.Node = b.node
	answer, _, err := a.Encode(b.node.ID(), addr, ping, who)
	if err != nil {
		return err
	}
	_, n, p, err := b.Decode(answer, addr)
	if _, ok := p.(*v5wire.Ping); err != nil || !ok || n == nil {
		return fmt.Errorf("gethnode: a handshake is %T: %w", p, err)
	}
	return nil
}

// handshakes are many, from more addresses than sessions are kept.
func handshakes(a, b *end) control.NewBatch {
	addrs := make([]string, 4096)
	for i := range addrs {
		addrs[i] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(1024+i)).String()
	}
	next := 0
	const count = 16
	return func() (int, func() error, error) {
		return count, func() error {
			for range count {
				if err := a.handshake(b, addrs[next%len(addrs)]); err != nil {
					return err
				}
				next++
			}
			return nil
		}, nil
	}
}

// encode has an end write count messages.
func (a *end) encode(to *end, m v5wire.Packet, count int) (packets [][]byte, err error) {
	for range count {
		packet, _, err := a.Encode(to.node.ID(), codecAddr, m, nil)
		if err != nil {
			return nil, err
		}
		packets = append(packets, bytes.Clone(packet))
	}
	return packets, nil
}

// pings has b answer a's.
func pings(a, b *end) control.NewBatch {
	const count = 1024
	at := netip.MustParseAddrPort(codecAddr)
	ip := at.Addr().As4()
	return func() (int, func() error, error) {
		packets, err := a.encode(b, &v5wire.Ping{ReqID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, ENRSeq: 1}, count)
		return count, func() error {
			for _, packet := range packets {
				from, _, p, err := b.Decode(packet, codecAddr)
				ping, ok := p.(*v5wire.Ping)
				if err != nil || !ok {
					return fmt.Errorf("gethnode: a PING is %T: %w", p, err)
				}
				pong := &v5wire.Pong{ReqID: ping.ReqID, ENRSeq: 1, ToIP: ip[:], ToPort: at.Port()}
				if _, _, err := b.Encode(from, codecAddr, pong, nil); err != nil {
					return err
				}
			}
			return nil
		}, err
	}
}

// answers has b read NODES of a's, and make nodes of them as go-ethereum does for each
// answer to FINDNODE: it remembers none of their records.
func answers(a, b *end) (control.NewBatch, error) {
	const count, each = 64, 3
	m := &v5wire.Nodes{ReqID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, RespCount: 1}
	for range each {
		n, err := newEnd()
		if err != nil {
			return nil, err
		}
		m.Nodes = append(m.Nodes, n.node.Record())
	}
	at := netip.MustParseAddr("127.0.0.1")
	return func() (int, func() error, error) {
		packets, err := a.encode(b, m, count)
		return count, func() error {
			for _, packet := range packets {
				_, _, p, err := b.Decode(packet, codecAddr)
				list, ok := p.(*v5wire.Nodes)
				if err != nil || !ok || len(list.Nodes) != each {
					return fmt.Errorf("gethnode: NODES are %T: %w", p, err)
				}
				for _, r := range list.Nodes {
					n, err := enode.New(enode.ValidSchemes, r)
					if err != nil {
						return err
					}
					if netutil.CheckRelayAddr(at, n.IPAddr()) != nil || n.UDP() <= 1024 {
						return errors.New("gethnode: a node is refused")
					}
				}
			}
			return nil
		}, err
	}, nil
}
