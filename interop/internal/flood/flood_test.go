package flood

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
)

// serve runs Serve with a specification and returns its last report.
func serve(t *testing.T, spec Spec) (last Report) {
	t.Helper()
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	if err := enc.Encode(spec); err != nil {
		t.Fatal(err)
	}
	if err := enc.Encode(true); err != nil {
		t.Fatal(err)
	}
	if err := Serve(&in, &out); err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(&out); dec.More(); {
		last = Report{}
		if err := dec.Decode(&last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestFloodsArrive(t *testing.T) {
	for kind, want := range map[Kind]byte{
		Ping: v4wire.PingPacket, Expired: v4wire.PingPacket, Pong: v4wire.PongPacket,
		Findnode: v4wire.FindnodePacket, Neighbors: v4wire.NeighborsPacket,
	} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := serve(t, Spec{
			Kind: kind, Target: conn.LocalAddr().String(), Rate: 2000, For: 100 * time.Millisecond, Sources: 3, Keys: 5,
		})
		if r.Error != "" || r.Sent == 0 || r.Failed > 0 {
			t.Fatalf("%s: %+v", kind, r)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		sources := make(map[string]bool)
		buf := make([]byte, 2000)
		for range min(r.Sent, 10) {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			p, _, _, err := v4wire.Decode(buf[:n])
			if err != nil || p.Kind() != want {
				t.Fatalf("%s: got %v, %v", kind, p, err)
			}
			if ping, ok := p.(*v4wire.Ping); ok && v4wire.Expired(ping.Expiration) != (kind == Expired) {
				t.Fatalf("%s: expiration %d", kind, ping.Expiration)
			}
			sources[from.Addr().String()] = true
		}
		if len(sources) != 3 {
			t.Errorf("%s: from %d addresses, want 3", kind, len(sources))
		}
	}
}

// TestSessionsFlood looks at messages of v5 under sessions that are not there.
func TestSessionsFlood(t *testing.T) {
	id := enode.ID{1, 2, 3}
	packets, err := makePackets(Session, 3, netip.AddrPort{}, id)
	if err != nil {
		t.Fatal(err)
	}
	senders := make(map[enode.ID]bool)
	for _, b := range packets {
		var p discv5.Packet
		if drop := p.Parse(b, discv5.NewMask(id)); drop != discv5.DropNone || p.Flag != discv5.Ordinary {
			t.Fatalf("%x: %v, %v", b, drop, p.Flag)
		}
		senders[p.Src] = true
	}
	if len(senders) != 3 {
		t.Errorf("from %d nodes, want 3", len(senders))
	}
}

func TestOnlyLoopbackIsFlooded(t *testing.T) {
	for _, target := range []string{"192.0.2.1:30303", "example.org:30303", ""} {
		if r := serve(t, Spec{Kind: Garbage, Target: target, Rate: 1, Sources: 1, Keys: 1}); r.Error == "" || r.Sent > 0 {
			t.Errorf("%q: %+v", target, r)
		}
	}
}
