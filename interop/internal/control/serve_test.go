package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeNode knows every node before it and finds all of them.
type fakeNode struct {
	id     [32]byte
	known  [][32]byte
	closed *int
}

func (n *fakeNode) URL() string                         { return fmt.Sprintf("enode://%x", n.id[:1]) }
func (n *fakeNode) ID() [32]byte                        { return n.id }
func (n *fakeNode) Lookup([64]byte) ([][32]byte, error) { return n.known, nil }
func (n *fakeNode) Ping(string) error                   { return nil }
func (n *fakeNode) Close()                              { *n.closed++ }
func (n *fakeNode) Buckets() (counts [Buckets]int)      { counts[Buckets-1] = len(n.known); return counts }
func identity(key [64]byte) (id [32]byte)               { copy(id[:], key[:]); return id }
func zeroKey() (key [64]byte, err error)                { return key, nil }
func fakeParser([]byte) (parse func() error, err error) { return func() error { return nil }, nil }

// fakes makes nodes with the IDs 1, 2, … in their first byte.
func fakes(closed *int) Implementation {
	var made [][32]byte
	return Implementation{
		Start: func(_ int, _ netip.Addr, boot []string) (Node, error) {
			if (len(boot) == 0) != (len(made) == 0) {
				return nil, errors.New("the first node, and only it, has no bootnode")
			}
			n := &fakeNode{id: [32]byte{byte(len(made) + 1)}, known: made, closed: closed}
			made = append(made, n.id)
			return n, nil
		},
		NewParser: fakeParser,
		RandomKey: zeroKey,
		IDOf:      identity,
	}
}

// fakeServer has its peers at once: the URLs are indices.
type fakeServer struct {
	url string
	cfg ServerConfig
	all *fakeServers
}

type fakeServers struct {
	list   []*fakeServer
	closed atomic.Int64
}

func (s *fakeServer) URL() string { return s.url }
func (s *fakeServer) Close()      { s.all.closed.Add(1) }

func (s *fakeServer) AddPeer(url string) error {
	i, err := strconv.Atoi(url)
	s.cfg.Peers.Add(1)
	s.all.list[i].cfg.Peers.Add(1)
	return err
}

func (f *fakeServers) start(cfg ServerConfig) (Server, error) {
	if (len(cfg.Bootnodes) > 0) != (cfg.Discovery && len(f.list) > 0) {
		return nil, errors.New("with discovery all but the first have a bootnode")
	}
	s := &fakeServer{strconv.Itoa(len(f.list)), cfg, f}
	f.list = append(f.list, s)
	return s, nil
}

func serve(t *testing.T, impl Implementation, requests ...Request) []Reply {
	t.Helper()
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, r := range requests {
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Serve(impl, &in, &out); err != nil {
		t.Fatal(err)
	}
	replies := make([]Reply, len(requests))
	dec := json.NewDecoder(&out)
	for i := range replies {
		if err := dec.Decode(&replies[i]); err != nil {
			t.Fatal(err)
		}
	}
	return replies
}

func TestServeNetwork(t *testing.T) {
	var closed int
	replies := serve(t, fakes(&closed),
		Request{Op: OpStart, Nodes: 3},
		Request{Op: OpFill, Fraction: 0.4, Limit: time.Minute},
		Request{Op: OpLookups, Count: 20},
		Request{Op: OpUsage},
		Request{Op: "dance"},
		Request{Op: OpStart, Nodes: 0},
	)
	if urls := strings.Join(replies[0].URLs, " "); urls != "enode://01 enode://02 enode://03" {
		t.Errorf("URLs %q", urls)
	}
	// The nodes know 0, 1 and 2 of the 2 others.
	if m := replies[1].Fill.Median; m != 0.5 {
		t.Errorf("the median table is filled to %v, want half", m)
	}
	for _, l := range replies[2].Lookups {
		if l.Possible != 2 || l.Right > 2 {
			t.Errorf("%d of %d nodes found, want at most 2 of 2", l.Right, l.Possible)
		}
	}
	if u := replies[3].Usage; u.CPU <= 0 || u.Resident == 0 || u.Allocs == 0 || u.Goroutines == 0 {
		t.Errorf("usage %+v", u)
	}
	for _, r := range replies[4:] {
		if r.Error == "" {
			t.Errorf("no error in %+v", r)
		}
	}
	if closed != 3 {
		t.Errorf("%d nodes closed, want 3", closed)
	}
}

func TestServeMeet(t *testing.T) {
	var closed int
	start := func(int, netip.Addr, []string) (Node, error) { return &fakeNode{closed: &closed}, nil }
	replies := serve(t, Implementation{Start: start}, Request{Op: OpMeet, Count: 3}, Request{Op: OpMeet})
	if r := replies[0]; r.Error != "" || r.Cost.Wall <= 0 {
		t.Errorf("%+v", r)
	}
	if replies[1].Error == "" {
		t.Error("no error of nobody to meet")
	}
	if closed != 4 {
		t.Errorf("%d nodes closed, want 4", closed)
	}
}

func TestServeMesh(t *testing.T) {
	var all fakeServers
	replies := serve(t, Implementation{StartServer: all.start},
		Request{Op: OpPeers, Count: 1, Limit: time.Minute},
		Request{Op: OpServers, Nodes: 4, Places: 3},
		Request{Op: OpServers, Nodes: 4},
		Request{Op: OpPeers, Count: 1, Limit: time.Nanosecond},
		Request{Op: OpMesh},
		Request{Op: OpPeers, Count: 3, Limit: time.Minute},
	)
	if replies[0].Error == "" || replies[2].Error == "" {
		t.Errorf("no error of waiting without Servers, or of starting them twice: %+v", replies)
	}
	if urls := strings.Join(replies[1].URLs, " "); urls != "0 1 2 3" {
		t.Errorf("URLs %q", urls)
	}
	if cfg := all.list[0].cfg; cfg.MaxPeers != 6 || cfg.DialRatio != 2 {
		t.Errorf("%+v, want room for three that are dialed of six", cfg)
	}
	if j := replies[3].Joined; j.Missing != 4 || j.Median != time.Nanosecond || j.Slowest != time.Nanosecond {
		t.Errorf("nobody is connected, and it is %+v", j)
	}
	if j := replies[5].Joined; j.Missing != 0 || j.Median <= 0 || j.Slowest < j.Median || j.CPU <= 0 {
		t.Errorf("all are connected, and it is %+v", j)
	}
	if n := all.closed.Load(); n != 4 {
		t.Errorf("%d Servers closed, want 4", n)
	}
}

func TestServeDiscovery(t *testing.T) {
	var all fakeServers
	if r := serve(t, Implementation{StartServer: all.start}, Request{Op: OpServers, Nodes: 3, Discovery: true})[0]; r.Error != "" {
		t.Fatal(r.Error)
	}
	if cfg := all.list[2].cfg; cfg.MaxPeers != defaultPeers || cfg.DialRatio != 0 || cfg.Bootnodes[0] != "0" {
		t.Errorf("%+v, want the defaults and the first as bootnode", cfg)
	}
}

func TestBuckets(t *testing.T) {
	self := [32]byte{}
	for _, test := range []struct{ byteAt, bit, bucket int }{
		{0, 7, 16}, {0, 0, 9}, {1, 7, 8}, {1, 0, 1}, {2, 7, 0}, {31, 0, 0},
	} {
		id := [32]byte{}
		id[test.byteAt] = 1 << test.bit
		if got := bucketOf(self, id); got != test.bucket {
			t.Errorf("bit %d of byte %d: bucket %d, want %d", test.bit, test.byteAt, got, test.bucket)
		}
	}
	w := network{ids: make([][32]byte, 1+2*BucketSize)}
	for i := range w.ids[1:] {
		w.ids[1+i] = [32]byte{0x80, byte(i)}
	}
	if got := w.possible(0); got != BucketSize {
		t.Errorf("of %d nodes at one distance %d fit, want %d", 2*BucketSize, got, BucketSize)
	}
}
