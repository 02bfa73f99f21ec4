package enode

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// opinion is what one peer says.
type opinion struct {
	voice, seen string
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func say(ln *LocalNode, now time.Time, opinions ...opinion) {
	for _, o := range opinions {
		ln.AddStatement(now, addr(o.voice), netip.MustParseAddrPort(o.seen))
	}
}

func published(ln *LocalNode) string {
	n := ln.Node()
	return netip.AddrPortFrom(n.IP(), n.UDP()).String()
}

func predicting(t testing.TB) *LocalNode {
	ln := NewLocalNode(testKey(t, 1), nil)
	ln.SetFallbackIP(addr("127.0.0.1"))
	ln.SetFallbackUDP(30303)
	return ln
}

func TestPrediction(t *testing.T) {
	const (
		fallback = "127.0.0.1:30303"
		ours     = "203.0.113.5:4000"
		lie      = "198.51.100.66:6666"
	)
	for _, tt := range []struct {
		name     string
		opinions []opinion
		want     string
	}{
		{"one voice", []opinion{{"1.1.0.1", ours}}, fallback},
		{"one voice, often", []opinion{{"1.1.0.1", ours}, {"1.1.0.1", ours}, {"1.1.0.1", ours}, {"1.1.0.1", ours}}, fallback},
		{"two networks", []opinion{{"1.1.0.1", ours}, {"2.1.0.1", ours}}, fallback},
		{"three networks", []opinion{{"1.1.0.1", ours}, {"2.1.0.1", ours}, {"3.1.0.1", ours}}, ours},
		{"three hosts of one network", []opinion{{"1.1.0.1", lie}, {"1.1.99.1", lie}, {"1.1.255.1", lie}}, fallback},
		{"neighbouring networks differ", []opinion{{"1.1.0.1", ours}, {"1.2.0.1", ours}, {"1.3.0.1", ours}}, ours},
		{"two of three", []opinion{{"1.1.0.1", ours}, {"2.1.0.1", lie}, {"3.1.0.1", ours}}, ours},
		{"half is not enough", []opinion{
			{"1.1.0.1", ours}, {"2.1.0.1", lie}, {"3.1.0.1", "192.0.2.1:1"}, {"4.1.0.1", ours},
		}, fallback},
		{"more than any other is not enough", []opinion{
			{"1.1.0.1", ours}, {"2.1.0.1", lie}, {"3.1.0.1", "192.0.2.1:1"}, {"4.1.0.1", "192.0.2.2:1"}, {"5.1.0.1", ours},
		}, fallback},
		{"a network's newest word counts", []opinion{
			{"1.1.0.1", lie}, {"2.1.0.1", lie}, {"1.1.0.2", ours}, {"2.1.0.2", ours}, {"3.1.0.1", ours},
		}, ours},
		{"no port in common", []opinion{
			{"1.1.0.1", "203.0.113.5:1"}, {"2.1.0.1", "203.0.113.5:2"}, {"3.1.0.1", "203.0.113.5:3"},
		}, "203.0.113.5:30303"},
		{"port of those who agree on the address", []opinion{
			{"1.1.0.1", ours}, {"2.1.0.1", ours}, {"3.1.0.1", "192.0.2.1:5"}, {"4.1.0.1", ours}, {"5.1.0.1", "192.0.2.1:5"},
		}, ours},
		{"mapped addresses", []opinion{
			{"::ffff:1.1.0.1", "[::ffff:203.0.113.5]:4000"}, {"2.1.0.1", ours}, {"3.1.0.1", ours},
		}, ours},
		{"private voices on a public address", []opinion{{"10.1.0.1", ours}, {"10.2.0.1", ours}, {"10.3.0.1", ours}}, fallback},
		{"loopback voices on a public address", []opinion{{"127.1.0.1", ours}, {"127.2.0.1", ours}, {"127.3.0.1", ours}}, fallback},
		{"public voices on a private address", []opinion{
			{"1.1.0.1", "10.0.0.9:1"}, {"2.1.0.1", "10.0.0.9:1"}, {"3.1.0.1", "10.0.0.9:1"},
		}, fallback},
		{"private voices on a private address", []opinion{
			{"10.1.0.1", "10.9.0.9:1"}, {"10.2.0.1", "10.9.0.9:1"}, {"10.3.0.1", "10.9.0.9:1"},
		}, "10.9.0.9:1"},
		{"IPv6 voices on an IPv4 address", []opinion{{"2001:1::1", ours}, {"2002:1::1", ours}, {"2003:1::1", ours}}, fallback},
		{"unspecified", []opinion{{"1.1.0.1", "0.0.0.0:1"}, {"2.1.0.1", "0.0.0.0:1"}, {"3.1.0.1", "0.0.0.0:1"}}, fallback},
		{"multicast", []opinion{{"1.1.0.1", "224.0.0.1:1"}, {"2.1.0.1", "224.0.0.1:1"}, {"3.1.0.1", "224.0.0.1:1"}}, fallback},
		{"port 0", []opinion{{"1.1.0.1", "203.0.113.5:0"}, {"2.1.0.1", "203.0.113.5:0"}, {"3.1.0.1", "203.0.113.5:0"}}, fallback},
		{"unspecified voices", []opinion{{"0.0.0.0", ours}, {"1.1.0.1", ours}, {"2.1.0.1", ours}}, fallback},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ln := predicting(t)
			say(ln, start, tt.opinions...)
			if got := published(ln); got != tt.want {
				t.Errorf("published %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("no addresses", func(t *testing.T) {
		ln := predicting(t)
		ln.AddStatement(start, netip.Addr{}, netip.AddrPort{})
		if got := published(ln); got != fallback {
			t.Errorf("published %s", got)
		}
	})
}

func TestPredictionIPv6(t *testing.T) {
	ln := NewLocalNode(testKey(t, 1), nil)
	ln.SetFallbackUDP(30303)
	const seen = "[2001:db8:77::5]:4000"
	// One /32 has one voice, whatever it says and however many addresses it has.
	for i := range 100 {
		say(ln, start, opinion{fmt.Sprintf("2001:1:%x::1", i), seen})
	}
	say(ln, start, opinion{"2001:2::1", seen})
	if n := ln.Node(); n.IP().IsValid() {
		t.Fatalf("two networks made %v", n.IP())
	}
	say(ln, start, opinion{"2001:3::1", seen})
	n := ln.Node()
	if got := netip.AddrPortFrom(n.IP(), n.UDP()).String(); got != seen {
		t.Fatalf("published %s", got)
	}
	if r := n.Record(); r.UDP6() != 4000 || r.UDP() != 30303 {
		t.Errorf("udp6 %d, udp %d", r.UDP6(), r.UDP())
	}
}

// Whoever has all of one /16 wins nothing, even against silence.
func TestPredictionSybil(t *testing.T) {
	ln := predicting(t)
	honest := netip.MustParseAddrPort("203.0.113.5:4000")
	lie := netip.MustParseAddrPort("198.51.100.66:6666")
	now := start
	for i := range 65536 {
		now = now.Add(5 * time.Millisecond)
		ln.AddStatement(now, netip.AddrFrom4([4]byte{66, 6, byte(i >> 8), byte(i)}), lie)
	}
	if got := published(ln); got != "127.0.0.1:30303" {
		t.Fatalf("published %s", got)
	}
	for _, v := range []string{"1.1.0.1", "2.1.0.1", "3.1.0.1"} {
		ln.AddStatement(now, addr(v), honest)
	}
	if got := published(ln); got != honest.String() {
		t.Fatalf("published %s", got)
	}
	for i := range 65536 {
		ln.AddStatement(now, netip.AddrFrom4([4]byte{66, 6, byte(i >> 8), byte(i)}), lie)
	}
	if got := published(ln); got != honest.String() || ln.Seq() != 2 {
		t.Fatalf("published %s as version %d", got, ln.Seq())
	}
}

func TestPredictionFollows(t *testing.T) {
	const before, after = "203.0.113.5:4000", "192.0.2.77:4001"
	voices := []string{"1.1.0.1", "2.1.0.1", "3.1.0.1", "4.1.0.1", "5.1.0.1"}
	ln := predicting(t)
	for _, v := range voices {
		say(ln, start, opinion{v, before})
	}
	if got := published(ln); got != before {
		t.Fatalf("published %s", got)
	}
	seq := ln.Seq()

	t.Log("the same again is no news; so is silence")
	for _, v := range voices {
		say(ln, start.Add(time.Minute), opinion{v, before})
	}
	say(ln, start.Add(30*time.Minute), opinion{voices[0], before})
	if got := published(ln); got != before || ln.Seq() != seq {
		t.Fatalf("published %s as version %d", got, ln.Seq())
	}

	t.Log("networks change their minds one by one")
	now := start.Add(31 * time.Minute)
	for _, v := range voices {
		say(ln, now, opinion{v, before})
	}
	for i, v := range voices {
		want, wantSeq := before, seq
		if i >= 2 {
			want, wantSeq = after, seq+1
		}
		say(ln, now.Add(time.Second), opinion{v, after})
		if got := published(ln); got != want || ln.Seq() != wantSeq {
			t.Fatalf("after %d: published %s as version %d", i+1, got, ln.Seq())
		}
	}

	t.Log("what was said over ten minutes ago outvotes nobody")
	now = now.Add(voteWindow + 2*time.Second)
	for _, v := range voices[:3] {
		say(ln, now, opinion{v, before})
	}
	if got := published(ln); got != before {
		t.Fatalf("published %s", got)
	}
}

// A clock set back must not make old statements live for ever.
func TestPredictionClockJumps(t *testing.T) {
	ln := predicting(t)
	for i := range 20 {
		say(ln, start, opinion{fmt.Sprintf("1.%d.0.1", i), "203.0.113.5:4000"})
	}
	past := start.Add(-10 * 365 * 24 * time.Hour)
	for i := range 3 {
		say(ln, past, opinion{fmt.Sprintf("2.%d.0.1", i), "192.0.2.77:4001"})
	}
	if got := published(ln); got != "192.0.2.77:4001" {
		t.Fatalf("published %s", got)
	}
}

func TestPredictionBounded(t *testing.T) {
	ln := predicting(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		v4 := netip.AddrFrom4([4]byte{1, byte(i >> 8), byte(i), 1})
		ln.AddStatement(start, v4, netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, byte(rng.Uint32()), 8, 8}), 1))
		v6 := [16]byte{0x20, 1, byte(i >> 8), byte(i)}
		ln.AddStatement(start, netip.AddrFrom16(v6), netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 2, 15: byte(rng.Uint32())}), 1))
	}
	for _, f := range []*family{&ln.ip4, &ln.ip6} {
		if n, c := len(f.predictor.statements), cap(f.predictor.statements); n > maxStatements || c > 2*maxStatements {
			t.Errorf("%d statements, room for %d", n, c)
		}
	}
	// When full, the oldest goes: a new majority can form.
	now := start.Add(time.Minute)
	for i := range maxStatements/2 + 1 {
		say(ln, now, opinion{fmt.Sprintf("9.%d.0.1", i), "203.0.113.5:4000"})
	}
	if got := published(ln); got != "203.0.113.5:4000" {
		t.Errorf("published %s", got)
	}
}

// FuzzPrediction drives the predictor with any statements and compares it with
// a plain count.
func FuzzPrediction(f *testing.F) {
	f.Add([]byte{1, 1, 0, 2, 1, 0, 3, 1, 0})
	f.Add([]byte{1, 1, 0, 2, 1, 200, 3, 2, 200, 1, 2, 5, 3, 1, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		var p predictor
		type word struct {
			at   time.Time
			seen netip.AddrPort
		}
		heard := map[byte]word{}
		now := start
		var want netip.Addr
		for ; len(script) >= 3; script = script[3:] {
			network, seen := script[0]%16, netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, 8, script[1] % 4}), 1+uint16(script[1]/64))
			now = now.Add(time.Duration(script[2]) * time.Second)
			heard[network] = word{now, seen}
			count := map[netip.Addr]int{}
			voices := 0
			for _, w := range heard {
				if now.Sub(w.at) <= voteWindow {
					voices++
					count[w.seen.Addr()]++
				}
			}
			before := p.addr
			beforePort := p.port
			changed := p.add(now, netip.AddrFrom4([4]byte{1, network, script[2], 1}), seen)
			for a, n := range count {
				if voices >= minNetworks && 2*n > voices {
					want = a
				}
			}
			if p.addr != want {
				t.Fatalf("predicted %v, want %v", p.addr, want)
			}
			if changed != (before != p.addr || beforePort != p.port) {
				t.Fatalf("reported change %v, from %v to %v", changed, before, p.addr)
			}
		}
	})
}
