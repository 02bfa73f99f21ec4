package discover

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// count returns how many lines have all of the words.
func (b *logBook) count(words ...string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

func TestBootnodeComesUpLater(t *testing.T) {
	for _, downtime := range []time.Duration{700 * time.Millisecond, 20 * time.Second, 10 * time.Minute} {
		inWorld(t, func(t *testing.T, w *world) {
			at := w.endpoint()
			key := newKey(t, w.hosts)
			boot := enode.NewV4(key.Public(), at.Addr(), 0, at.Port())
			for range 4 {
				w.start(Config{Bootnodes: []*enode.Node{boot}})
			}
			time.Sleep(downtime)
			if sent := w.nodes[0].Stats().PacketsOut; float64(sent) > 20+downtime.Seconds() {
				t.Errorf("%d packets sent within %v to a bootnode that is down", sent, downtime)
			}
			w.startAt(at, key, Config{})
			w.filled(1, 1, 45*time.Second)
		})
	}
}

func TestOneOfTwoBootnodesIsDown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		at := w.endpoint()
		down := enode.NewV4(newKey(t, 77).Public(), at.Addr(), 0, at.Port())
		up := w.start(Config{}).Self()
		for range 5 {
			w.start(Config{Bootnodes: []*enode.Node{down, up}})
		}
		w.filled(1, 1, 10*time.Second)
	})
}

// names is a name server.
type names struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr // missing: an error
	asked map[string][]time.Time
}

func newNames() *names {
	return &names{addrs: make(map[string][]netip.Addr), asked: make(map[string][]time.Time)}
}

func (s *names) set(host string, addrs ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addrs[host] = addrs
}

func (s *names) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	s.mu.Lock()
	s.asked[host] = append(s.asked[host], time.Now())
	addrs, ok := s.addrs[host]
	s.mu.Unlock()
	switch {
	case strings.HasPrefix(host, "silent"):
		<-ctx.Done()
		return nil, ctx.Err()
	case !ok:
		return nil, errors.New("no such host")
	}
	return addrs, nil // the same slice for everyone
}

func (s *names) times(host string, since time.Time) (after []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.asked[host] {
		after = append(after, at.Sub(since))
	}
	return after
}

// A name that doesn't resolve is tried again after pauses that grow to a minute,
// which the log tells, and the node is asked as soon as it does.
func TestBootnodeNameResolvesLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		at := w.endpoint()
		key := newKey(t, w.hosts)
		w.startAt(at, key, Config{})
		dns, book := newNames(), new(logBook)
		start := time.Now()
		n := w.start(Config{Bootnodes: []*enode.Node{w.named("boot.example", key)}, Resolve: dns.resolve, Log: book.logger()})
		time.Sleep(200 * time.Second)
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183}
		for i := range want {
			want[i] *= time.Second
		}
		if got := dns.times("boot.example", start); !slices.Equal(got, want) {
			t.Errorf("asked for the name after %v, expected %v", got, want)
		}
		if got := book.count("WARN", "boot.example", "no such host"); got != len(want) {
			t.Errorf("%d warnings, expected %d", got, len(want))
		}
		dns.set("boot.example", at.Addr())
		time.Sleep(45 * time.Second) // the next attempt is after 243 s
		if live := n.Stats().Table.Entries; live != 1 {
			t.Errorf("%d entries after the name resolved", live)
		}
		if got := book.count("INFO", "boot.example", at.Addr().String()); got != 1 {
			t.Errorf("%d lines tell that the name resolved", got)
		}
	})
}

// A name server that doesn't answer holds up the other names for its timeout.
func TestNameServerSilent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		at := w.endpoint()
		key := newKey(t, w.hosts)
		w.startAt(at, key, Config{})
		dns := newNames()
		dns.set("boot.example", at.Addr())
		n := w.start(Config{Resolve: dns.resolve, Bootnodes: []*enode.Node{
			w.named("silent.example", newKey(t, 50)), w.named("boot.example", key),
		}})
		time.Sleep(resolveTimeout + time.Second)
		if live := n.Stats().Table.Entries; live != 1 {
			t.Errorf("%d entries after %v", live, resolveTimeout+time.Second)
		}
	})
}

// A bootnode moves, and its name follows.
func TestBootnodeMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		was, is := w.endpoint(), w.endpoint()
		key := newKey(t, w.hosts)
		boot := w.startAt(was, key, Config{})
		dns := newNames()
		dns.set("boot.example", was.Addr())
		book := new(logBook)
		n := w.start(Config{Bootnodes: []*enode.Node{w.named("boot.example", key)}, Resolve: dns.resolve, Log: book.logger()})
		dns.set("boot.example", netip.MustParseAddr("10.9.9.9"), was.Addr())
		time.Sleep(resolveAgain + time.Minute)
		if told := book.count("boot.example"); told != 1 {
			t.Errorf("the log tells %d times of a name that is the same in another order", told)
		}
		w.stop(boot)
		dns.set("boot.example", is.Addr())
		w.startAt(is, key, Config{})
		poll(t, resolveAgain+time.Minute, func() (bool, string) {
			entries := n.Buckets()
			for _, b := range entries {
				for _, e := range b.Entries {
					return e.Node.IP() == is.Addr(), "the table has " + e.Node.IP().String()
				}
			}
			return false, "the table is empty"
		})
	})
}

func TestPickAddr(t *testing.T) {
	addrs := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for _, c := range []struct {
		local string
		addrs []netip.Addr
		want  string
	}{
		{"127.0.0.1", addrs("::1", "10.0.0.1", "10.0.0.2"), "10.0.0.1"},
		{"127.0.0.1", addrs("fd00::1", "::ffff:10.0.0.1"), "10.0.0.1"},
		{"0.0.0.0", addrs("fd00::1", "10.0.0.1"), "10.0.0.1"},
		{"::", addrs("fd00::1", "10.0.0.1"), "10.0.0.1"},
		{"::", addrs("fd00::1", "fd00::2"), "fd00::1"},
		{"::1", addrs("10.0.0.1", "fd00::1"), "fd00::1"},
		{"::1", addrs("10.0.0.1"), "10.0.0.1"},
	} {
		before := slices.Clone(c.addrs)
		if got := pickAddr(c.addrs, netip.MustParseAddr(c.local)); got != netip.MustParseAddr(c.want) {
			t.Errorf("of %v on %s: %v, expected %s", c.addrs, c.local, got, c.want)
		}
		if !slices.Equal(before, c.addrs) {
			t.Errorf("the resolver's answer %v has become %v", before, c.addrs)
		}
	}
}

func TestBootnodeWithoutEndpoint(t *testing.T) {
	w := newWorld(t)
	local := enode.NewLocalNode(newKey(t, 1), nil)
	conn := w.net.Listen(w.endpoint())
	nowhere := enode.NewV4(secp.PublicKey(newKey(t, 2).Public()), netip.Addr{}, 0, 0)
	_, err := Listen(conn, local, Config{Bootnodes: []*enode.Node{nowhere}})
	if err == nil || !strings.Contains(err.Error(), "bootnode 1 has no UDP endpoint") {
		t.Errorf("error %v", err)
	}
	if _, err = Listen(conn, local, Config{Bootnodes: []*enode.Node{nil}}); err == nil {
		t.Error("a nil bootnode is taken")
	}
	if err := conn.Close(); err != nil {
		t.Errorf("the conn is not the caller's any more: %v", err)
	}
}
