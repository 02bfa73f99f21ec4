package discover

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/secp"
)

// Offsets in a packet (discv4.md, "Wire Protocol").
const (
	sigAt  = 32
	kindAt = 97
	dataAt = 98
)

// rehash makes the hash of an altered packet right again.
func rehash(data []byte) []byte {
	hash := secp.Keccak256(data[sigAt:])
	copy(data, hash[:])
	return data
}

// signed makes a packet of any type and content, signed by p.
func (p *rawPeer) signed(kind byte, content []byte) []byte {
	data := append(make([]byte, dataAt), content...)
	data[kindAt] = kind
	hash := secp.Keccak256(data[kindAt:])
	sig := p.key.Sign(&hash)
	copy(data[sigAt:], sig[:])
	return rehash(data)
}

// hostile is a way to misbehave, and the reason that the node must drop it for.
type hostile struct {
	name string
	cfg  Config
	from netip.AddrPort // zero: a private address
	do   func(p *rawPeer, n *UDP)
	drop discv4.Drop
	n    uint64 // packets dropped
}

// expiring sends a PING with this expiration.
func expiring(at func() uint64) func(p *rawPeer, n *UDP) {
	return func(p *rawPeer, n *UDP) {
		ping := p.ping()
		ping.Expiration = at()
		p.write(ping.Encode(nil, p.key))
	}
}

func always(v uint64) func() uint64 { return func() uint64 { return v } }

func secondAgo() uint64 { return uint64(time.Now().Add(-time.Second).Unix()) }

var hostiles = []hostile{
	{name: "no host's address", from: netip.MustParseAddrPort("224.0.0.1:30303"), drop: discv4.DropBadSource, n: 1,
		do: func(p *rawPeer, _ *UDP) { p.send(p.ping()) }},
	{name: "outside of the allowed networks", cfg: Config{NetRestrict: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		from: netip.MustParseAddrPort("172.16.0.1:30303"), drop: discv4.DropNetRestrict, n: 1,
		do: func(p *rawPeer, _ *UDP) { p.send(p.ping()) }},
	{name: "oversized", drop: discv4.DropOversized, n: 2,
		do: func(p *rawPeer, _ *UDP) {
			ping := p.encode(p.ping())
			p.write(rehash(append(ping, make([]byte, discv4.MaxPacketSize+1-len(ping))...)), make([]byte, 60_000))
		}},
	{name: "too short", drop: discv4.DropTruncated, n: 3,
		do: func(p *rawPeer, _ *UDP) { p.write([]byte{}, []byte{1}, rehash(make([]byte, dataAt))) }},
	{name: "unknown types", drop: discv4.DropKind, n: 3,
		do: func(p *rawPeer, _ *UDP) {
			p.write(p.signed(0, []byte{0xc0}), p.signed(7, []byte{0xc0}), p.signed(255, []byte{0xc0}))
		}},
	{name: "not the content of the type", drop: discv4.DropMalformed, n: 6,
		do: func(p *rawPeer, _ *UDP) {
			for kind := range byte(6) {
				p.write(p.signed(kind+1, []byte{0xc1, 0xc0}))
			}
		}},
	{name: "forged content", drop: discv4.DropHash, n: 1,
		do: func(p *rawPeer, _ *UDP) {
			ping := p.encode(p.ping())
			ping[len(ping)-1] ^= 1
			p.write(ping)
		}},
	{name: "past", drop: discv4.DropExpired, n: 1, do: expiring(secondAgo)},
	{name: "past, since 1970", drop: discv4.DropExpired, n: 1, do: expiring(always(0))},
	{name: "past, as it is negative", drop: discv4.DropExpired, n: 1, do: expiring(always(1 << 63))},
	{name: "the share of a busy node", cfg: Config{Limits: discv4.Limits{KnownPerSecond: 8}}, drop: discv4.DropSourceLimit, n: 48,
		do: func(p *rawPeer, n *UDP) {
			p.bond()
			b := p.batch(p.encode(p.ping()), netio.BatchSize)
			n.handleBatch(b, takeScratch())
		}},
	{name: "queries that waited for a busy node", drop: discv4.DropStale, n: netio.BatchSize,
		do: func(p *rawPeer, n *UDP) {
			p.bond()
			query := p.ping()
			query.Expiration = uint64(time.Now().Add(discv4.Expiration - 5*time.Second).Unix())
			b := p.batch(query.Encode(nil, p.key), netio.BatchSize)
			n.handleBatch(b, takeScratch())
		}},
	{name: "too many strangers", cfg: Config{Limits: discv4.Limits{NewPerSecond: 4}}, drop: discv4.DropNewLimit, n: 12,
		do: func(p *rawPeer, _ *UDP) {
			p.answer(mute)
			for range 20 { // two seconds' worth pass
				p.send(p.ping())
			}
		}},
	{name: "queries of a stranger", drop: discv4.DropUnproven, n: 2,
		do: func(p *rawPeer, _ *UDP) {
			p.send(discv4.Packet{Kind: discv4.Findnode})
			p.send(discv4.Packet{Kind: discv4.ENRRequest})
		}},
	{name: "query of a stranger at a proven address", drop: discv4.DropUnproven, n: 1,
		do: func(p *rawPeer, _ *UDP) {
			p.bond()
			query := discv4.Packet{Kind: discv4.Findnode, Expiration: 1 << 40}
			p.write(query.Encode(nil, newKey(p.t, 999)))
		}},
	{name: "replies that nobody asked for", drop: discv4.DropUnsolicited, n: 3,
		do: func(p *rawPeer, _ *UDP) {
			record, err := new(enr.Builder).Sign(p.key, 1)
			if err != nil {
				p.t.Fatal(err)
			}
			p.send(discv4.Packet{Kind: discv4.Pong, To: p.to})
			p.send(discv4.Packet{Kind: discv4.Neighbors})
			p.send(discv4.Packet{Kind: discv4.ENRResponse, Record: record})
		}},
	{name: "no signature", drop: discv4.DropSignature, n: 1,
		do: func(p *rawPeer, _ *UDP) {
			ping := p.encode(p.ping())
			clear(ping[sigAt:kindAt])
			p.write(rehash(ping))
		}},
	{name: "reflected", drop: discv4.DropOwn, n: 1,
		do: func(p *rawPeer, n *UDP) {
			p.answer(func(_ *discv4.Packet, data []byte) { p.write(data) })
			go n.Ping(context.Background(), p.node())
			synctest.Wait()
			p.answer(mute)
		}},
	{name: "answered by somebody else", drop: discv4.DropWrongSender, n: 1,
		do: func(p *rawPeer, n *UDP) {
			asked := enode.NewV4(newKey(p.t, 999).Public(), p.node().IP(), 0, p.node().UDP())
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			if _, err := n.Ping(ctx, asked); !errors.Is(err, context.DeadlineExceeded) {
				p.t.Errorf("PING answered by somebody else: %v", err)
			}
		}},
	{name: "another's record", drop: discv4.DropRecord, n: 2,
		do: func(p *rawPeer, n *UDP) {
			p.answer(func(packet *discv4.Packet, _ []byte) {
				switch packet.Kind {
				case discv4.Ping:
					p.pong(packet)
				case discv4.ENRRequest:
					p.send(discv4.Packet{Kind: discv4.ENRResponse, Token: packet.Hash, Record: n.Self().Record()})
					content := append([]byte{0xe2, 0xa0}, packet.Hash[:]...)
					p.write(p.signed(byte(discv4.ENRResponse), append(content, 0xc0)))
				}
			})
			p.bond()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			if _, err := n.RequestENR(ctx, p.node()); !errors.Is(err, context.DeadlineExceeded) {
				p.t.Errorf("another's record was taken: %v", err)
			}
		}},
	{name: "nothing wrong", drop: discv4.DropNone,
		do: func(p *rawPeer, _ *UDP) {
			p.bond()
			far := p.ping()
			far.Expiration = 1 << 50
			p.send(far)
		}},
}

// batch is count times the same packet from p, as the node would read it.
func (p *rawPeer) batch(data []byte, count int) *netio.Batch {
	p.t.Helper()
	var out []netio.Packet
	for range count {
		out = append(out, netio.Packet{Data: data})
	}
	return p.batchOf(out)
}

// Each way to misbehave is dropped, counted under its reason and under no other,
// and the node goes on. Every reason comes up.
func TestDropReasons(t *testing.T) {
	seen := make(map[discv4.Drop]bool)
	for _, c := range hostiles {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				n := w.start(c.cfg)
				at := c.from
				if !at.IsValid() {
					at = w.endpoint()
				}
				p := w.rawAt(at, newKey(t, 500), n)
				c.do(p, n)
				synctest.Wait()
				d := dropped(n)
				if d[c.drop] != c.n || (len(d) > 0) != (c.n > 0) || len(d) > 1 {
					t.Errorf("dropped %v, expected %d for %v", d, c.n, c.drop)
				}
				if _, err := w.start(Config{}).Ping(context.Background(), n.Self()); err != nil {
					t.Errorf("the node doesn't answer others any more: %v", err)
				}
			})
		})
		seen[c.drop] = true
	}
	for reason := range discv4.Drop(discv4.NumDrops) {
		if !seen[reason] {
			t.Errorf("nothing here is dropped as %v", reason)
		}
	}
}

// Who has proven nothing gets one PONG and one PING for a PING, and nothing for
// anything else.
func TestNoAmplification(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start(Config{})
		p := w.raw(n)
		p.answer(mute)
		const pings = 30
		for range pings {
			p.send(p.ping())
			p.send(discv4.Packet{Kind: discv4.Findnode})
			p.send(discv4.Packet{Kind: discv4.ENRRequest})
			p.send(discv4.Packet{Kind: discv4.Pong})
			p.send(discv4.Packet{Kind: discv4.Neighbors})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		count := make(map[discv4.Kind]int)
		for _, kind := range p.kinds() {
			count[kind]++
		}
		if count[discv4.Pong] != pings || count[discv4.Ping] == 0 || count[discv4.Ping] > pings || len(count) != 2 {
			t.Errorf("%d PINGs got %v", pings, count)
		}
		if s := n.Stats(); s.Proven != 0 || s.Table.Entries+s.Table.Replacements+s.Table.Checks != 0 {
			t.Errorf("a peer that never answered: %d proofs, table %+v", s.Proven, s.Table)
		}
	})
}

// What was recorded on the wire is of no use elsewhere, and of none later.
func TestReplay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var recorded [][]byte
		n := w.start(Config{Workers: 1})
		to := n.conn.LocalAddr()
		w.net.Link = func(_, dest netip.AddrPort, data []byte) []time.Duration {
			if dest == to {
				recorded = append(recorded, slices.Clone(data))
			}
			return []time.Duration{0}
		}
		honest := w.raw(n)
		honest.bond()
		honest.send(discv4.Packet{Kind: discv4.Findnode})
		honest.send(discv4.Packet{Kind: discv4.ENRRequest})
		synctest.Wait()
		w.net.Link = nil

		thief := w.raw(n)
		thief.answer(mute)
		proven := n.Stats().Proven
		thief.write(recorded...)
		synctest.Wait()
		if kinds := thief.kinds(); !slices.Equal(kinds, []discv4.Kind{discv4.Pong, discv4.Ping}) {
			t.Errorf("replayed from elsewhere, it got %v", kinds)
		}
		time.Sleep(90 * time.Second)
		thief.take()
		before := n.Stats().Drops[discv4.DropExpired]
		thief.write(recorded...)
		synctest.Wait()
		if kinds := thief.kinds(); len(kinds) > 0 {
			t.Errorf("replayed later, it got %v", kinds)
		}
		s := n.Stats()
		if expired := s.Drops[discv4.DropExpired] - before; expired != uint64(len(recorded)) || s.Proven != proven {
			t.Errorf("%d of %d replayed packets were too old, proofs %d instead of %d", expired, len(recorded), s.Proven, proven)
		}
	})
}

// Neither what others name nor what they are told to ask leads a node out of the
// networks that it is allowed.
func TestNetRestrictHoldsBothWays(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		inside := netip.MustParsePrefix("10.0.0.0/8")
		outside := enode.NewV4(newKey(t, 900).Public(), netip.MustParseAddr("172.16.0.9"), 30303, 30303)
		n := w.start(Config{NetRestrict: []netip.Prefix{inside}, Bootnodes: []*enode.Node{outside}})
		w.net.Link = func(from, to netip.AddrPort, _ []byte) []time.Duration {
			if from == n.conn.LocalAddr() && !inside.Contains(to.Addr()) {
				t.Errorf("a packet to %v", to)
			}
			return []time.Duration{0}
		}
		liar := w.raw(n)
		liar.answer(func(packet *discv4.Packet, _ []byte) {
			switch packet.Kind {
			case discv4.Ping:
				liar.pong(packet)
			case discv4.Findnode:
				liar.send(discv4.Packet{Kind: discv4.Neighbors, Nodes: []*enode.Node{outside}})
			}
		})
		liar.bond()
		ctx := context.Background()
		if _, err := n.Ping(ctx, outside); !errors.Is(err, discv4.ErrRestricted) {
			t.Errorf("Ping: %v", err)
		}
		if nodes, err := n.Findnode(ctx, liar.node(), outside.PublicKey()); err != nil || len(nodes) > 0 {
			t.Errorf("Findnode: %v, %v", nodes, err)
		}
		if found, err := n.Lookup(ctx, outside.PublicKey()); err != nil || len(found) != 1 {
			t.Errorf("Lookup: %v, %v", found, err)
		}
		time.Sleep(time.Minute)
	})
}

// Packets altered at random are dropped or answered, never more than counted,
// and never the end of the node.
func TestRandomlyAlteredPackets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := w.start(Config{Workers: 1})
		p := w.raw(n)
		p.bond()
		rng := rand.New(rand.NewChaCha8(seedOf(5)))
		before := n.Stats()
		const rounds = 400
		for i := range rounds {
			packet := discv4.Packet{Kind: discv4.Kind(1 + i%4), To: p.to, From: p.conn.LocalAddr(), Nodes: []*enode.Node{p.node(), n.Self()}}
			data := p.encode(packet)
			for range 1 + rng.IntN(4) {
				at := sigAt + rng.IntN(len(data)-sigAt)
				switch rng.IntN(3) {
				case 0:
					data[at] ^= 1 << rng.IntN(8)
				case 1:
					data = data[:max(at, kindAt+1)]
				case 2:
					data = binary.BigEndian.AppendUint64(data, rng.Uint64())
				}
			}
			p.write(rehash(data))
		}
		synctest.Wait()
		after := n.Stats()
		var sum uint64
		for i := range after.Drops {
			sum += after.Drops[i] - before.Drops[i]
		}
		for i := range after.Handled {
			sum += after.Handled[i] - before.Handled[i]
		}
		if in := after.PacketsIn - before.PacketsIn; sum != in || in < rounds {
			t.Errorf("%d of %d packets are accounted for", sum, in)
		}
		if _, err := w.start(Config{}).Ping(context.Background(), n.Self()); err != nil {
			t.Errorf("the node doesn't answer any more: %v", err)
		}
	})
}
