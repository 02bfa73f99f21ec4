// Package rawpeer is a bare endpoint of the Node Discovery v4 protocol: one
// socket and one key, which puts one server under a measured load.
//
// A Peer answers the server's PING, FINDNODE and ENRREQUEST, so that the server keeps it in
// its table, and hands every PONG and NEIGHBORS to whoever measures. It keeps
// no table, asks nothing by itself and checks no signature, so that the load
// costs as little as can be.
package rawpeer

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/p2p/enr"

	"github.com/kithnet/kith/interop/internal/load"
)

// Where a packet's parts stand (discv4.md, "Wire Protocol").
const (
	hashSize = 32
	typeAt   = hashSize + crypto.SignatureLength
	maxSize  = 1280
)

// Lifetime is how far ahead a packet expires when it is sent: 20 seconds, as in
// both implementations.
const Lifetime = 20 * time.Second

// Expiration returns the time stamp of a packet that expires after d.
func Expiration(d time.Duration) uint64 { return uint64(time.Now().Add(d).Unix()) }

// A Peer is a bare endpoint that talks to one server.
type Peer struct {
	load.Replies

	conn      *net.UDPConn
	key       *ecdsa.PrivateKey
	server    netip.AddrPort
	self      v4wire.Endpoint
	record    enr.Record
	neighbors []v4wire.Node
	proved    chan struct{} // gets a value whenever the server's PING was answered
	done      chan struct{}
}

// Listen opens an endpoint on a free port of ip, and answers server from then on.
func Listen(ip netip.Addr, server netip.AddrPort) (*Peer, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("rawpeer: %w", err)
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, fmt.Errorf("rawpeer: %w", err)
	}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	p := &Peer{
		conn:   conn,
		key:    key,
		server: server,
		self:   v4wire.NewEndpoint(addr, addr.Port()),
		proved: make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	p.record.Set(enr.IPv4Addr(addr.Addr()))
	p.record.Set(enr.UDP(addr.Port()))
	p.record.Set(enr.TCP(addr.Port()))
	p.record.SetSeq(1)
	if err := enode.SignV4(&p.record, key); err != nil {
		conn.Close()
		return nil, fmt.Errorf("rawpeer: %w", err)
	}
	go p.readLoop()
	return p, nil
}

// Close closes the socket and waits until no reply is handled any more.
func (p *Peer) Close() {
	p.conn.Close()
	<-p.done
}

// Node returns the peer as a NEIGHBORS packet would name it.
func (p *Peer) Node() v4wire.Node {
	return v4wire.Node{
		ID:  v4wire.EncodePubkey(&p.key.PublicKey),
		IP:  p.self.IP,
		UDP: p.self.UDP,
		TCP: p.self.TCP,
	}
}

// SetNeighbors sets what FINDNODE is answered with. Call it before Bond.
func (p *Peer) SetNeighbors(nodes []v4wire.Node) { p.neighbors = nodes }

// Send sends a packet to the server. A packet that the kernel does not take is
// lost, as it might be on the way.
func (p *Peer) Send(packet []byte) {
	p.conn.WriteToUDPAddrPort(packet, p.server)
}

// Bond proves the endpoint to the server: it pings until the server has ponged
// and pinged back, and lets it have time to read the answer.
func (p *Peer) Bond() error {
	ponged := make(chan struct{}, 1)
	p.OnReply(func(r load.Reply) {
		if r.Kind == v4wire.PongPacket {
			load.Notify(ponged)
		}
	})
	defer p.OnReply(nil)
	retry := time.NewTicker(500 * time.Millisecond)
	defer retry.Stop()
	var haveProof, havePong bool
	for range 20 {
		packet, err := p.Ping(Lifetime, 0)
		if err != nil {
			return err
		}
		p.Send(packet)
		for waiting := true; waiting && !(haveProof && havePong); {
			select {
			case <-p.proved:
				haveProof = true
			case <-ponged:
				havePong = true
			case <-retry.C:
				waiting = false
			}
		}
		if haveProof && havePong {
			return p.settle(ponged)
		}
	}
	return errors.New("rawpeer: the server does not answer or does not ping back")
}

// settle waits for one more round trip: the server reads in order, so what was
// sent before it has been read by then.
func (p *Peer) settle(ponged <-chan struct{}) error {
	packet, err := p.Ping(Lifetime, 1)
	if err != nil {
		return err
	}
	p.Send(packet)
	select {
	case <-ponged:
	case <-time.After(500 * time.Millisecond):
	}
	return nil
}

// Ping makes a signed PING. Packets with different nonces have different hashes.
func (p *Peer) Ping(lifetime time.Duration, nonce uint16) ([]byte, error) {
	// The nonce stands where nobody looks: as the TCP port of the recipient.
	return p.encode(&v4wire.Ping{
		Version:    4,
		From:       p.self,
		To:         v4wire.NewEndpoint(p.server, nonce),
		Expiration: Expiration(lifetime),
		ENRSeq:     p.record.Seq(),
	})
}

// Findnode makes a signed FINDNODE for a target.
func (p *Peer) Findnode(target v4wire.Pubkey) ([]byte, error) {
	return p.encode(&v4wire.Findnode{Target: target, Expiration: Expiration(Lifetime)})
}

func (p *Peer) encode(packet v4wire.Packet) ([]byte, error) {
	b, _, err := v4wire.Encode(p.key, packet)
	if err != nil {
		return nil, fmt.Errorf("rawpeer: %s: %w", packet.Name(), err)
	}
	return b, nil
}

func (p *Peer) readLoop() {
	defer close(p.done)
	buf := make([]byte, maxSize)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n <= typeAt || from != p.server {
			continue
		}
		p.handle(buf[:n])
	}
}

func (p *Peer) handle(packet []byte) {
	switch kind := packet[typeAt]; kind {
	case v4wire.PingPacket:
		p.answer(&v4wire.Pong{
			To:         v4wire.NewEndpoint(p.server, 0),
			ReplyTok:   packet[:hashSize],
			Expiration: Expiration(Lifetime),
			ENRSeq:     p.record.Seq(),
		})
		load.Notify(p.proved)
	case v4wire.ENRRequestPacket:
		p.answer(&v4wire.ENRResponse{ReplyTok: packet[:hashSize], Record: p.record})
	case v4wire.FindnodePacket:
		for nodes := p.neighbors; len(nodes) > 0; {
			n := min(len(nodes), v4wire.MaxNeighbors)
			p.answer(&v4wire.Neighbors{Nodes: nodes[:n], Expiration: Expiration(Lifetime)})
			nodes = nodes[n:]
		}
	case v4wire.PongPacket, v4wire.NeighborsPacket:
		if f := p.Hearer(); f != nil {
			r := load.Reply{Kind: kind, Packet: packet}
			if kind == v4wire.PongPacket {
				r.Token, _ = replyToken(packet)
			}
			f(r)
		}
	}
}

// answer sends a packet that is lost when it cannot be made.
func (p *Peer) answer(packet v4wire.Packet) {
	if b, err := p.encode(packet); err == nil {
		p.Send(b)
	}
}
