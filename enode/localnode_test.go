package enode

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
)

// memStore is a Store that can be full.
type memStore struct {
	raw    []byte
	writes int
	err    error
}

func (s *memStore) LocalRecord() []byte { return s.raw }

func (s *memStore) SetLocalRecord(raw []byte) error {
	if s.err != nil {
		return s.err
	}
	s.raw = bytes.Clone(raw)
	s.writes++
	return nil
}

// seqChecker asks for the record after each change.
type seqChecker struct {
	*testing.T
	ln   *LocalNode
	want uint64
}

func (c *seqChecker) check(what string, news bool) {
	c.Helper()
	if news {
		c.want++
	}
	n := c.ln.Node()
	if n.Seq() != c.want || c.ln.Seq() != c.want {
		c.Errorf("%s: version %d, want %d", what, n.Seq(), c.want)
	}
	if again := c.ln.Node(); again != n {
		c.Errorf("%s: another Node without a change", what)
	}
	if _, err := enr.Decode(n.Record().Raw()); err != nil {
		c.Errorf("%s: %v", what, err)
	}
}

func TestLocalNodeSeqEntries(t *testing.T) {
	ln := NewLocalNode(testKey(t, 1), nil)
	check := (&seqChecker{t, ln, 1}).check
	set := func(key string, value ...byte) {
		t.Helper()
		if err := ln.Set(key, value); err != nil {
			t.Error(err)
		}
	}
	check("fresh", false)
	set("eth", 0xc1, 0x80)
	check("entry", true)
	set("eth", 0xc1, 0x80)
	check("same entry", false)
	set("eth", 0xc1, 0x01)
	check("other value", true)
	set("eth", 0xc1, 0x80)
	set("eth", 0xc1, 0x01)
	check("there and back", false)
	set("a", 1)
	set("b", 2)
	ln.SetTCP(1)
	check("three at once", true)
	ln.Delete("none")
	check("deleting nothing", false)
	ln.Delete("a")
	check("deleting", true)
}

func TestLocalNodeSeq(t *testing.T) {
	ln := NewLocalNode(testKey(t, 1), nil)
	check := (&seqChecker{t, ln, 1}).check
	check("fresh", false)
	check("asked again", false)
	ln.SetFallbackIP(addr("192.0.2.1"))
	check("address", true)
	ln.SetFallbackIP(addr("192.0.2.1"))
	check("same address", false)
	ln.SetFallbackIP(addr("::ffff:192.0.2.1"))
	check("same address, mapped", false)
	ln.SetFallbackUDP(30303)
	check("UDP port", true)
	ln.SetTCP(30303)
	check("TCP port", true)
	ln.SetStaticIP(addr("192.0.2.1"))
	check("static address, as the fallback", false)
	ln.SetStaticIP(addr("192.0.2.2"))
	check("static address", true)
	ln.SetStaticIP(addr("2001:db8::2"))
	check("static IPv6 address", true)
	ln.SetFallbackIP(addr("192.0.2.3"))
	check("fallback behind static", false)
	ln.SetStaticIP(netip.IPv6Unspecified())
	check("static IPv6 taken back", true)
	ln.SetStaticIP(netip.IPv4Unspecified())
	check("static IPv4 taken back", true)
	if ip := ln.Node().IP(); ip != addr("192.0.2.3") {
		t.Errorf("address is %v", ip)
	}
	ln.SetTCP(0)
	check("no TCP port", true)
	if _, ok := ln.Node().Record().Get("tcp"); ok {
		t.Error("port 0 is in the record")
	}
}

// configure does what a program does at each start.
func configure(ln *LocalNode) {
	ln.SetFallbackIP(addr("127.0.0.1"))
	ln.SetFallbackUDP(30303)
	ln.SetTCP(30303)
	ln.Set("b", []byte{2})
	ln.Set("a", []byte{1})
}

func TestLocalNodeRestart(t *testing.T) {
	key, st := testKey(t, 1), new(memStore)
	ln := NewLocalNode(key, st)
	configure(ln)
	first := ln.Node().Record()
	if first.Seq() != 1 || !bytes.Equal(st.raw, first.Raw()) || st.writes != 1 {
		t.Fatalf("version %d, %d writes", first.Seq(), st.writes)
	}

	for range 3 {
		ln = NewLocalNode(key, st)
		configure(ln)
		if r := ln.Node().Record(); !bytes.Equal(r.Raw(), first.Raw()) || r.Seq() != 1 {
			t.Fatalf("after a restart: %v version %d", r, r.Seq())
		}
	}
	if st.writes != 1 || ln.Err() != nil {
		t.Errorf("%d writes, %v", st.writes, ln.Err())
	}

	ln = NewLocalNode(key, st)
	configure(ln)
	ln.SetTCP(30304)
	if seq := ln.Seq(); seq != 2 {
		t.Errorf("changed over a restart: version %d", seq)
	}
	ln = NewLocalNode(key, st)
	if seq := ln.Seq(); seq != 3 {
		t.Errorf("changed again: version %d", seq)
	}

	other := NewLocalNode(testKey(t, 2), st)
	if seq := other.Seq(); seq != 1 || other.Err() != nil {
		t.Errorf("another key begins at version %d, %v", seq, other.Err())
	}
}

func TestLocalNodeStoreFaults(t *testing.T) {
	key := testKey(t, 1)
	for name, raw := range map[string][]byte{
		"garbage":   []byte("garbage"),
		"too large": make([]byte, 4096),
		"cut short": NewLocalNode(key, nil).Node().Record().Raw()[:50],
	} {
		ln := NewLocalNode(key, &memStore{raw: raw})
		if ln.Err() == nil || !strings.Contains(ln.Err().Error(), "stored local record") {
			t.Errorf("%s: error is %v", name, ln.Err())
		}
		if seq := ln.Seq(); seq != 1 {
			t.Errorf("%s: version %d", name, seq)
		}
	}

	full := errors.New("disk full")
	st := &memStore{err: full}
	ln := NewLocalNode(key, st)
	if seq := ln.Seq(); seq != 1 || !errors.Is(ln.Err(), full) {
		t.Errorf("version %d, %v", seq, ln.Err())
	}
	ln.SetTCP(1)
	st.err = nil
	if seq := ln.Seq(); seq != 2 || st.writes != 1 || ln.Err() != nil {
		t.Errorf("version %d, %d writes, %v", seq, st.writes, ln.Err())
	}
}

func TestStartSeq(t *testing.T) {
	key, st := testKey(t, 1), new(memStore)
	for _, seq := range []uint64{0, 1, 1700000000000} {
		if got := NewLocalNode(key, nil, StartSeq(seq)).Seq(); got != seq {
			t.Errorf("begins at %d, want %d", got, seq)
		}
	}
	NewLocalNode(key, st, StartSeq(50)).Node()
	if got := NewLocalNode(key, st, StartSeq(99)).Seq(); got != 50 {
		t.Errorf("goes on at %d, want what was stored, 50", got)
	}
}

func TestLocalNodeSetRefused(t *testing.T) {
	ln := NewLocalNode(testKey(t, 1), nil)
	before := ln.Node()
	for _, key := range []string{"id", "secp256k1", "ip", "ip6", "tcp", "udp", "udp6"} {
		if err := ln.Set(key, []byte{1}); err == nil {
			t.Errorf("set %q", key)
		}
	}
	for _, value := range [][]byte{nil, {1, 2}, {0x81, 1}, {0xc2, 0x81, 1}, {0xb8}} {
		if err := ln.Set("a", value); err == nil {
			t.Errorf("set %x", value)
		}
	}
	if err := ln.Set("a", rlp.AppendString(nil, make([]byte, 1<<20))); !errors.Is(err, enr.ErrSize) {
		t.Errorf("1 MB: %v", err)
	}
	if err := ln.Set(strings.Repeat("k", 1<<20), []byte{1}); !errors.Is(err, enr.ErrSize) || len(err.Error()) > 250 {
		t.Errorf("key of 1 MB: error %.300v", err)
	}
	if ln.Node() != before {
		t.Error("a refused entry changed the record")
	}
}

// The largest entries, addresses, ports and sequence number fit in one record.
func TestLocalNodeLargest(t *testing.T) {
	ln := NewLocalNode(testKey(t, 1), nil, StartSeq(1<<64-1))
	ln.SetStaticIP(addr("192.0.2.1"))
	ln.SetFallbackUDP(65535)
	ln.SetTCP(65535)
	for i := range 3 {
		say(ln, start, opinion{fmt.Sprintf("2001:%d::1", i+1), "[2001:db8::1]:65534"})
	}
	value := rlp.AppendString(nil, strings.Repeat("v", MaxCustom-5))
	if err := ln.Set("b", value); err != nil || len(value) != MaxCustom-3 {
		t.Fatalf("%v, value of %d bytes", err, len(value))
	}
	if err := ln.Set("a", []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := ln.Set("c", []byte{1}); err == nil {
		t.Error("set more than MaxCustom")
	}
	n := ln.Node()
	if size := len(n.Record().Raw()); size != enr.MaxSize || ln.Err() != nil {
		t.Errorf("record has %d bytes, %v", size, ln.Err())
	}
	if err := ln.Set("b", value[:1:1]); err == nil {
		t.Error("set a header without its string")
	}
	if err := ln.Set("b", []byte{1}); err != nil {
		t.Error(err)
	}
	if err := ln.Set("c", []byte{1}); err != nil {
		t.Errorf("room was not given back: %v", err)
	}
}

func TestLocalNodeIdentity(t *testing.T) {
	key := testKey(t, 1)
	pub := key.Public()
	ln := NewLocalNode(key, nil)
	if ln.Key() != key || ln.ID() != PubkeyID(&pub) || ln.Node().ID() != ln.ID() || ln.Node().PublicKey() != pub {
		t.Error("the local node is someone else")
	}
	value := []byte{0xc1, 1}
	if err := ln.Set("a", value); err != nil {
		t.Fatal(err)
	}
	value[1] = 2
	if v, _ := ln.Node().Record().Get("a"); v[1] != 1 {
		t.Error("Set did not copy")
	}
}

func TestStaticEndsPrediction(t *testing.T) {
	ln := predicting(t)
	say(ln, start, opinion{"1.1.0.1", "203.0.113.5:4000"}, opinion{"2.1.0.1", "203.0.113.5:4000"}, opinion{"3.1.0.1", "203.0.113.5:4000"})
	ln.SetStaticIP(addr("192.0.2.9"))
	if got := published(ln); got != "192.0.2.9:30303" {
		t.Errorf("published %s", got)
	}
	ln.SetStaticIP(netip.IPv4Unspecified())
	if got := published(ln); got != "203.0.113.5:4000" {
		t.Errorf("published %s", got)
	}
}

func TestLocalNodeConcurrent(t *testing.T) {
	st := new(memStore)
	ln := NewLocalNode(testKey(t, 1), st)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var last uint64
			for i := range 25 {
				switch g {
				case 0:
					ln.Set("a", []byte{byte(i + 1)})
				case 1:
					ln.SetTCP(uint16(i))
					ln.SetFallbackIP(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
				case 2:
					voice := netip.AddrFrom4([4]byte{1, byte(i), 0, 1})
					ln.AddStatement(start.Add(time.Duration(i)*time.Second), voice, netip.MustParseAddrPort("203.0.113.5:4000"))
				case 3:
					ln.Delete("a")
					ln.SetFallbackUDP(uint16(i))
				}
				n := ln.Node()
				if n.Seq() < last {
					t.Errorf("version went from %d back to %d", last, n.Seq())
				}
				last = n.Seq()
				if got := ln.Seq(); got < last {
					t.Errorf("Seq is %d after %d", got, last)
				}
			}
		})
	}
	wg.Wait()
	if n := ln.Node(); !bytes.Equal(st.raw, n.Record().Raw()) || uint64(st.writes) != n.Seq() {
		t.Errorf("%d writes for %d versions", st.writes, n.Seq())
	}
	if ln.Err() != nil {
		t.Error(ln.Err())
	}
}
