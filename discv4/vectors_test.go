package discv4

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// vectorFile is the form of testdata/discv4-packets.json.
type vectorFile struct {
	SigningKey string `json:"signing_key"`
	Valid      []struct {
		Name, Packet, Key string
		Want              vectorWant
	}
	EndpointRLP struct{ RLP string } `json:"endpoint_rlp"`
}

type vectorEndpoint struct {
	ID, IP   string
	UDP, TCP uint16
}

type vectorWant struct {
	Type       string
	From, To   *vectorEndpoint
	Expiration uint64
	Seq        uint64 `json:"enr_seq"`
	Token      string `json:"reply_token"`
	Target     string
	Nodes      []vectorEndpoint
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readVectors(t testing.TB) (v vectorFile) {
	t.Helper()
	raw, err := os.ReadFile("testdata/discv4-packets.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Valid) < 9 {
		t.Fatalf("%d packets, the file has 9", len(v.Valid))
	}
	return v
}

func TestVectors(t *testing.T) {
	vectors := readVectors(t)
	key, err := secp.ParsePrivateKey(unhex(t, vectors.SigningKey))
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string]Kind{"ping": Ping, "pong": Pong, "findnode": Findnode, "neighbours": Neighbors}
	for _, v := range vectors.Valid {
		t.Run(v.Name, func(t *testing.T) {
			raw := unhex(t, v.Packet)
			var p Packet
			if drop := p.Parse(raw); drop != DropNone {
				t.Fatal("parse:", drop)
			}
			if p.Kind != byType[v.Want.Type] || p.Hash != secp.Keccak256(raw[hashSize:]) {
				t.Errorf("%v with hash %x", p.Kind, p.Hash)
			}
			signer, drop := p.Open(nil)
			if drop != DropNone {
				t.Fatal("open:", drop)
			}
			if v.Key != "unknown" {
				if signer != key.Public() {
					t.Errorf("signed by %v", signer)
				}
				checkFields(t, &p, &v.Want)
			}
			if !p.Expired(time.Now()) {
				t.Error("not expired, though it is from years ago")
			}
		})
	}
}

func (e *vectorEndpoint) is(t *testing.T, what string, got netip.AddrPort, tcp uint16) {
	t.Helper()
	if want := netip.AddrPortFrom(netip.MustParseAddr(e.IP), e.UDP); got != want || tcp != e.TCP {
		t.Errorf("%s: %v and TCP %d, want %v and %d", what, got, tcp, want, e.TCP)
	}
}

func checkFields(t *testing.T, p *Packet, want *vectorWant) {
	if p.Expiration != want.Expiration || p.Seq != want.Seq {
		t.Errorf("expiration %d, seq %d, want %d and %d", p.Expiration, p.Seq, want.Expiration, want.Seq)
	}
	switch p.Kind {
	case Ping: // from and to are ignored, but for the TCP port
		if p.SenderTCP != want.From.TCP {
			t.Errorf("sender's TCP port %d, want %d", p.SenderTCP, want.From.TCP)
		}
	case Pong:
		want.To.is(t, "to", p.To, p.ToTCP)
		if !bytes.Equal(p.Token[:], unhex(t, want.Token)) {
			t.Errorf("token %x, want %s", p.Token, want.Token)
		}
	case Findnode:
		if !bytes.Equal(p.Target[:], unhex(t, want.Target)) {
			t.Errorf("target %x, want %s", p.Target, want.Target)
		}
	case Neighbors:
		if len(p.Nodes) != len(want.Nodes) {
			t.Fatalf("%d nodes, want %d", len(p.Nodes), len(want.Nodes))
		}
		for i, n := range p.Nodes {
			want.Nodes[i].is(t, "node", netip.AddrPortFrom(n.IP(), n.UDP()), n.TCP())
			if key := n.PublicKey(); !bytes.Equal(key[:], unhex(t, want.Nodes[i].ID)) {
				t.Errorf("node %d: key %v", i, key)
			}
		}
	}
}

// TestVectorsAreNotAnswered: they are from long ago.
func TestVectorsAreNotAnswered(t *testing.T) {
	l := newLab(t, newActor(0, "5.1.0.1:30303"), nil)
	l.now = time.Now()
	l.start()
	for _, v := range readVectors(t).Valid {
		drop, out := l.datagram(netip.MustParseAddrPort("5.1.1.1:30303"), unhex(t, v.Packet), false)
		if drop != DropExpired || len(out) != 0 {
			t.Errorf("%s: %v, %d packets sent", v.Name, drop, len(out))
		}
	}
}

func TestVectorEndpoint(t *testing.T) {
	raw := unhex(t, readVectors(t).EndpointRLP.RLP)
	ep, tcp := readEndpoint(raw)
	if ep != netip.MustParseAddrPort("0.0.0.0:4444") || tcp != 4445 {
		t.Errorf("%v and TCP %d", ep, tcp)
	}
	if got := appendEndpoint(nil, ep, tcp); !bytes.Equal(got, raw) {
		t.Errorf("encoded to %x, want %x", got, raw)
	}
	if err := rlp.Valid(raw); err != nil {
		t.Error(err)
	}
}
