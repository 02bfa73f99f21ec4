package discover

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/secp"
)

// rawPeer speaks to a node with packets made by hand.
type rawPeer struct {
	t    testing.TB
	conn netio.Conn
	key  *secp.PrivateKey
	to   netip.AddrPort // the node
	pub  secp.PublicKey // the node's

	mu    sync.Mutex
	got   []discv4.Packet
	react func(packet *discv4.Packet, data []byte) // see answer
}

// raw adds a peer that answers PINGs and nothing else.
func (w *world) raw(node *UDP) *rawPeer {
	at := w.endpoint()
	return w.rawAt(at, newKey(w.t, w.hosts), node)
}

func (w *world) rawAt(at netip.AddrPort, key *secp.PrivateKey, node *UDP) *rawPeer {
	return newRawPeer(w.t, w.net.Listen(at), key, node)
}

func newRawPeer(t testing.TB, conn netio.Conn, key *secp.PrivateKey, node *UDP) *rawPeer {
	p := &rawPeer{t: t, conn: conn, key: key, to: node.conn.LocalAddr(), pub: node.key.Public()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b, err := conn.ReadBatch()
			if err != nil {
				return
			}
			for i := range b.Len() {
				p.receive(bytes.Clone(b.Packet(i).Data))
			}
			b.Release()
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return p
}

func (p *rawPeer) receive(data []byte) {
	var packet discv4.Packet
	if drop := packet.Parse(data); drop != discv4.DropNone {
		p.t.Errorf("the node sent a packet that is %v", drop)
		return
	}
	if key, drop := packet.Open(nil); drop != discv4.DropNone || key != p.pub {
		p.t.Errorf("the node sent a %v that is %v, or signed by another", packet.Kind, drop)
	}
	p.mu.Lock()
	p.got = append(p.got, packet)
	react := p.react
	p.mu.Unlock()
	switch {
	case react != nil:
		react(&packet, data)
	case packet.Kind == discv4.Ping:
		p.pong(&packet)
	}
}

// answer has f hear of each packet in the place of the usual reaction, which is
// a PONG for a PING.
func (p *rawPeer) answer(f func(packet *discv4.Packet, data []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.react = f
}

func (p *rawPeer) pong(ping *discv4.Packet) {
	p.send(discv4.Packet{Kind: discv4.Pong, To: p.to, Token: ping.Hash})
}

// mute is the answer of a peer that says nothing by itself.
func mute(*discv4.Packet, []byte) {}

// take returns what has come since the last call.
func (p *rawPeer) take() []discv4.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// kinds returns the kinds of what has come since the last call.
func (p *rawPeer) kinds() (kinds []discv4.Kind) {
	for _, packet := range p.take() {
		kinds = append(kinds, packet.Kind)
	}
	return kinds
}

// encode signs a packet that is valid for a minute, unless it says otherwise.
func (p *rawPeer) encode(packet discv4.Packet) []byte {
	if packet.Expiration == 0 {
		packet.Expiration = uint64(time.Now().Add(time.Minute).Unix())
	}
	return packet.Encode(nil, p.key)
}

func (p *rawPeer) send(packet discv4.Packet) { p.write(p.encode(packet)) }

func (p *rawPeer) write(data ...[]byte) {
	out := make([]netio.Packet, len(data))
	for i, d := range data {
		out[i] = netio.Packet{Data: d, Addr: p.to}
	}
	if _, err := p.conn.WriteBatch(out); err != nil {
		p.t.Error(err)
	}
}

// ping is a PING of p.
func (p *rawPeer) ping() discv4.Packet {
	return discv4.Packet{Kind: discv4.Ping, From: p.conn.LocalAddr(), To: p.to, SenderTCP: 30303}
}

// bond has the node prove its endpoint and p its own.
func (p *rawPeer) bond() {
	p.t.Helper()
	p.send(p.ping())
	poll(p.t, 2*time.Second, func() (bool, string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		has := func(k discv4.Kind) bool {
			return slices.ContainsFunc(p.got, func(o discv4.Packet) bool { return o.Kind == k })
		}
		return has(discv4.Pong) && has(discv4.Ping), "the node has not answered with PONG and PING"
	})
}

// node is p as others see it.
func (p *rawPeer) node() *enode.Node {
	return enode.NewV4(p.key.Public(), p.conn.LocalAddr().Addr(), 30303, p.conn.LocalAddr().Port())
}

// batchOf is packets from p, as the node would read them. It is not released, so
// that it can be handled again and again.
func (p *rawPeer) batchOf(out []netio.Packet) *netio.Batch {
	p.t.Helper()
	network := netio.NewNetwork()
	here := network.Listen(p.to)
	there := network.Listen(p.conn.LocalAddr())
	for i := range out {
		out[i].Addr = p.to
	}
	_, err := there.WriteBatch(out)
	b, rerr := here.ReadBatch()
	if err != nil || rerr != nil || b.Len() != len(out) {
		p.t.Fatalf("no batch of %d packets: %v, %v", len(out), err, rerr)
	}
	return b
}
