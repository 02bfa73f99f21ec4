// Package rawpeer5 is a bare endpoint of the Node Discovery v5 protocol: one socket,
// one key and one session, which puts one server under a measured load.
//
// A Peer makes the session, answers the server's PING and FINDNODE, so that the server
// keeps it in its table, and hands every PONG and NODES that opens under the session to
// whoever measures. It keeps no table and asks nothing by itself.
package rawpeer5

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"

	"github.com/kithnet/kith/interop/internal/load"
)

// forkID is what stands in the records of Ethereum's nodes besides an endpoint: a list
// in a list of four bytes and a number. With it a record has 153 bytes, of which either
// implementation needs three packets for sixteen.
var forkID = []byte{0xc7, 0xc6, 0x84, 0x07, 0xc9, 0x46, 0x2e, 0x80}

// A Peer is a bare endpoint that talks to one server.
type Peer struct {
	load.Replies

	conn      *net.UDPConn
	key       *secp.PrivateKey
	node      *enode.Node // with its record
	own, to   discv5.Mask
	server    *enode.Node
	at        netip.AddrPort // the server's endpoint
	neighbors []*Peer

	noise   discv5.Nonce // of the packet that asks for a challenge
	session atomic.Pointer[discv5.Cipher]
	count   atomic.Uint32 // of messages
	done    chan struct{}

	// The rest is the read loop's.
	in, out discv5.Packet
	buf     []byte
}

// Listen opens an endpoint on a free port of ip, whose ID has a log2 distance of the
// server's, and answers server from then on.
func Listen(ip netip.Addr, server *enode.Node, distance int) (*Peer, error) {
	at, ok := server.UDPEndpoint()
	if !ok {
		return nil, errors.New("rawpeer5: the server has no endpoint")
	}
	key, err := keyAt(server.ID(), distance)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, fmt.Errorf("rawpeer5: %w", err)
	}
	p := &Peer{conn: conn, key: key, server: server, at: at, to: discv5.NewMask(server.ID()), done: make(chan struct{})}
	if p.node, err = Node(key, conn.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		conn.Close()
		return nil, err
	}
	p.own = discv5.NewMask(p.node.ID())
	crand.Read(p.noise[:])
	go p.readLoop()
	return p, nil
}

// keyAt returns a key whose node ID has a distance. 250 and less take long to find.
func keyAt(id enode.ID, distance int) (*secp.PrivateKey, error) {
	for {
		key, err := secp.GenerateKey()
		if err != nil {
			return nil, fmt.Errorf("rawpeer5: %w", err)
		}
		pub := key.Public()
		if enode.LogDist(id, enode.PubkeyID(&pub)) == distance {
			return key, nil
		}
	}
}

// Node returns a node with a record as Ethereum's nodes have it.
func Node(key *secp.PrivateKey, at netip.AddrPort) (*enode.Node, error) {
	var b enr.Builder
	r, err := b.SetIP(at.Addr()).SetUDP(at.Port()).SetTCP(at.Port()).Set("eth", forkID).Sign(key, 1)
	if err != nil {
		return nil, fmt.Errorf("rawpeer5: %w", err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		return nil, fmt.Errorf("rawpeer5: %w", err)
	}
	return n, nil
}

// Close closes the socket and waits until no reply is handled any more.
func (p *Peer) Close() {
	p.conn.Close()
	<-p.done
}

// SetNeighbors sets whom FINDNODE is answered with. Call it before Bond.
func (p *Peer) SetNeighbors(peers []*Peer) { p.neighbors = peers }

// Send sends a packet to the server. A packet that the kernel does not take is
// lost, as it might be on the way.
func (p *Peer) Send(packet []byte) {
	p.conn.WriteToUDPAddrPort(packet, p.at)
}

// Bond makes the session: it sends random bytes until the server has asked who it is,
// and has answered the PING in the handshake.
func (p *Peer) Bond() error {
	ponged := make(chan struct{}, 1)
	p.OnReply(func(r load.Reply) {
		if r.Kind == byte(discv5.Pong) {
			load.Notify(ponged)
		}
	})
	defer p.OnReply(nil)
	noise := discv5.Packet{Header: p.header(discv5.Ordinary), Sealed: make([]byte, 20)}
	noise.Nonce = p.noise
	crand.Read(noise.Sealed)
	packet, err := noise.Encode(nil, p.to)
	if err != nil {
		return fmt.Errorf("rawpeer5: %w", err)
	}
	for range 20 {
		p.Send(packet)
		select {
		case <-ponged:
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
	return errors.New("rawpeer5: the server makes no session")
}

// header returns one with fresh random values.
func (p *Peer) header(flag discv5.Flag) discv5.Header {
	h := discv5.Header{Flag: flag, Src: p.node.ID()}
	crand.Read(h.MaskingIV[:])
	crand.Read(h.Nonce[:])
	binary.BigEndian.PutUint32(h.Nonce[:], p.count.Add(1))
	return h
}

// initiate answers a challenge with a PING.
func (p *Peer) initiate(challenge discv5.ChallengeData) error {
	eph, err := secp.ReadOneTimeKey(crand.Reader)
	if err != nil {
		return err
	}
	out := discv5.Packet{Header: p.header(discv5.Handshake)}
	out.Record = p.node.Record().Raw()
	to := p.server.PublicKey()
	keys, err := out.Initiate(p.key, eph, p.server.ID(), &to, &challenge)
	if err != nil {
		return err
	}
	cipher := keys.ForInitiator()
	packet, err := out.Seal(nil, p.to, cipher, &discv5.Message{Kind: discv5.Ping, ID: discv5.NumberID(1), Seq: 1})
	if err != nil {
		return err
	}
	p.session.Store(&cipher)
	p.Send(packet)
	return nil
}

func (p *Peer) readLoop() {
	defer close(p.done)
	var m discv5.Message
	buf := make([]byte, discv5.MaxPacketSize)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || from != p.at || p.in.Parse(buf[:n], p.own) != discv5.DropNone {
			continue
		}
		session := p.session.Load()
		switch {
		case p.in.Flag == discv5.Whoareyou && p.in.Nonce == p.noise && session == nil:
			p.initiate(p.in.Challenge()) // Bond finds out if it fails
		case p.in.Flag == discv5.Ordinary && session != nil:
			plain, drop := p.in.Open(p.in.Sealed[:0], *session)
			if drop == discv5.DropNone && m.Decode(plain) == discv5.DropNone {
				p.handle(&m, plain)
			}
		}
	}
}

// handle answers a request of the server, and hands on its answers.
func (p *Peer) handle(m *discv5.Message, plain []byte) {
	switch m.Kind {
	case discv5.Ping:
		p.answer(&discv5.Message{Kind: discv5.Pong, ID: m.ID, Seq: p.node.Seq(), To: p.at})
	case discv5.Findnode:
		records := p.records(m.Distances)
		p.answer(&discv5.Message{Kind: discv5.Nodes, ID: m.ID, Total: 1, Records: records[:discv5.FitNodes(records)]})
	case discv5.Pong, discv5.Nodes:
		if f := p.Hearer(); f != nil {
			r := load.Reply{Kind: byte(m.Kind), Packet: plain}
			m.ID.Append(r.Token[:0])
			f(r)
		}
	}
}

// records returns those of the neighbors at the distances.
func (p *Peer) records(distances []uint16) (records [][]byte) {
	if slices.Contains(distances, 0) {
		records = append(records, p.node.Record().Raw())
	}
	for _, n := range p.neighbors {
		if d := enode.LogDist(p.node.ID(), n.node.ID()); d > 0 && slices.Contains(distances, uint16(d)) {
			records = append(records, n.node.Record().Raw())
		}
	}
	return records
}

// answer sends a message that is lost when it cannot be made. The read loop calls it.
func (p *Peer) answer(m *discv5.Message) {
	p.out.Header = p.header(discv5.Ordinary)
	var err error
	if p.buf, err = p.out.Seal(p.buf[:0], p.to, *p.session.Load(), m); err == nil {
		p.Send(p.buf)
	}
}
