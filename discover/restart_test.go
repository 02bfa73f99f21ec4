package discover

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/nodedb"
)

func openDB(t *testing.T, path string, book *logBook) *nodedb.DB {
	t.Helper()
	db, err := nodedb.Open(path, book.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A node that was restarted knows from its database whom to ask, and need not
// prove its endpoint anew.
func TestRestartWithDatabase(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const latency = 20 * time.Millisecond
		w.net.Link = slow(latency)
		book := new(logBook)
		path := filepath.Join(t.TempDir(), "nodes.db")
		boot := w.start(Config{})
		for range 5 {
			w.start(Config{Bootnodes: []*enode.Node{boot.Self()}})
		}
		at := w.endpoint()
		key := newKey(t, w.hosts)
		db := openDB(t, path, book)
		n := w.startAt(at, key, Config{Bootnodes: []*enode.Node{boot.Self()}, DB: db})
		w.filled(1, 1, 10*time.Second)
		time.Sleep(time.Minute) // for the PINGs of the others
		w.stop(n)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}

		n = w.startAt(at, key, Config{DB: openDB(t, path, book)})
		if proven := n.Stats().Proven; proven < 5 {
			t.Errorf("%d proofs left after the restart", proven)
		}
		time.Sleep(2*latency + time.Millisecond) // one round trip
		if n.Stats().Handled[discv4.Neighbors] == 0 {
			t.Error("no query was answered at once")
		}
		w.filled(1, 1, 5*time.Second)
	})
}

// What a database holds is of use or does no harm, however the clock was set
// between the runs.
func TestRestartAtAnotherTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		age    time.Duration // of the entries when the node starts
		proven int
		filled bool
	}{
		{"fresh", time.Minute, 5, true},
		{"a day later", 25 * time.Hour, 0, true},
		{"a week later", 7 * 24 * time.Hour, 0, false},
		{"clock set back by an hour", -time.Hour, 0, true},
		{"clock set back by years", -20 * 365 * 24 * time.Hour, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.net.Link = slow(5 * time.Millisecond) // no answer changes what is counted
				w.grow(5)
				w.filled(1, 1, 10*time.Second)
				db := openDB(t, "", new(logBook))
				then := time.Now().Add(-c.age)
				for _, o := range w.nodes {
					db.Put(nodedb.Entry{Node: o.Self(), LastPong: then, LastPing: then})
				}
				n := w.start(Config{DB: db})
				if proven := n.Stats().Proven; proven != c.proven {
					t.Errorf("%d proofs restored, expected %d", proven, c.proven)
				}
				if c.filled {
					w.filled(1, 1, 5*time.Second)
					return
				}
				time.Sleep(20 * time.Second)
				if s := n.Stats(); s.PacketsOut != 0 {
					t.Errorf("%d packets to nodes that were last seen a week ago", s.PacketsOut)
				}
			})
		})
	}
}

// The other side was restarted and has lost the proofs: it drops the query, and
// gets a PING before it is asked again.
func TestPeerForgetsBond(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(10 * time.Millisecond)
		a := w.start(Config{})
		at := w.endpoint()
		key := newKey(t, w.hosts)
		b := w.startAt(at, key, Config{})
		ctx := context.Background()
		if _, err := a.Findnode(ctx, b.Self(), b.Self().PublicKey()); err != nil {
			t.Fatal(err)
		}
		for name, ask := range map[string]func(to *enode.Node) error{
			"Findnode":   func(to *enode.Node) error { _, err := a.Findnode(ctx, to, to.PublicKey()); return err },
			"RequestENR": func(to *enode.Node) error { _, err := a.RequestENR(ctx, to); return err },
		} {
			w.stop(b)
			b = w.startAt(at, key, Config{})
			start := time.Now()
			if err := ask(b.Self()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("%s took %v", name, took)
			}
			if d := dropped(b); d[discv4.DropUnproven] == 0 {
				t.Errorf("%s: the test is void: the other side remembered", name)
			}
		}
	})
}

// A peer is started anew under another key, at the same endpoint.
func TestPeerChangesKey(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(10 * time.Millisecond)
		a := w.start(Config{})
		at := w.endpoint()
		b := w.startAt(at, newKey(t, 60), Config{Bootnodes: []*enode.Node{a.Self()}})
		w.filled(1, 1, 5*time.Second)
		old := b.Self()
		w.stop(b)
		w.startAt(at, newKey(t, 61), Config{Bootnodes: []*enode.Node{a.Self()}})
		if _, err := a.Ping(context.Background(), old); !errors.Is(err, discv4.ErrTimeout) {
			t.Errorf("PING to the key that is gone: %v", err)
		}
		poll(t, 2*time.Minute, func() (bool, string) {
			for _, b := range a.Buckets() {
				for _, e := range b.Entries {
					if e.Node.ID() == old.ID() {
						return false, "the old key is still an entry"
					}
				}
			}
			return a.Stats().Table.Entries == 1, "the new key is no entry"
		})
	})
}

// suspend stops a node as a machine that sleeps does; the function returned
// wakes it.
func (n *UDP) suspend() (resume func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timer.Stop()
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.timer.Reset(0)
	}
}

// The clock jumps ahead by two days, as if the machines had slept: every proof
// and every request under way is out of date at once.
func TestClockJumpsAhead(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.settled(scale(16))
		one, other := w.nodes[2], w.nodes[5].Self()
		w.net.Link = silence
		ended := make(chan error, 1)
		go func() {
			_, err := one.Ping(context.Background(), other)
			ended <- err
		}()
		synctest.Wait()
		var resume []func()
		for _, n := range w.nodes {
			resume = append(resume, n.suspend())
		}
		time.Sleep(48 * time.Hour)
		w.net.Link = nil
		for _, f := range resume {
			f()
		}
		w.filled(0.9, 1, time.Minute)
		w.findable(8)
		if err := <-ended; err != nil && !errors.Is(err, discv4.ErrTimeout) {
			t.Errorf("the PING from before: %v", err)
		}
	})
}

// A clock that is off by less than the twenty seconds that packets live for is
// forgiven.
func TestPeersClockIsOff(t *testing.T) {
	for off, fine := range map[time.Duration]bool{
		-25 * time.Second: false, -18 * time.Second: true, 18 * time.Second: true, 100 * 365 * 24 * time.Hour: true,
	} {
		inWorld(t, func(t *testing.T, w *world) {
			n := w.start(Config{})
			p := w.raw(n)
			ping := p.ping()
			ping.Expiration = uint64(time.Now().Add(off + discv4.Expiration).Unix())
			p.send(ping)
			synctest.Wait()
			if answered := len(p.take()) > 0; answered != fine || (dropped(n)[discv4.DropExpired] == 1) == fine {
				t.Errorf("a clock off by %v: answered is %v", off, answered)
			}
		})
	}
}

func TestDatabaseIsBroken(t *testing.T) {
	folder := t.TempDir()
	corrupt := filepath.Join(folder, "corrupt.db")
	if err := os.WriteFile(corrupt, []byte("this is no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		broken     bool // it stays in memory
	}{
		{"corrupt", corrupt, false},
		{"folder is a file", filepath.Join(file, "nodes.db"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				book := new(logBook)
				db := openDB(t, c.path, book)
				if book.count("WARN", c.path) == 0 {
					t.Error("nothing warns of it")
				}
				w.grow(5)
				n := w.start(Config{DB: db, Bootnodes: []*enode.Node{w.nodes[0].Self()}})
				w.filled(1, 1, 5*time.Second)
				time.Sleep(40 * time.Second)
				if db.Len() != 5 || (db.Err() != nil) != c.broken {
					t.Errorf("the database has %d nodes and the error %v", db.Len(), db.Err())
				}
				w.stop(n)
				if err := db.Close(); (err != nil) != c.broken {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
	if _, err := os.Stat(corrupt + ".corrupt"); err != nil {
		t.Error(err)
	}
}

// A node that v5 alone knows is a seed for as long as it answers, not for the five days
// since it joined.
func TestDatabaseIsKeptCurrent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		boot := w.start(Config{Protocols: kad.V5}).Self()
		db := openDB(t, "", new(logBook))
		n := w.start(Config{Protocols: kad.V5, DB: db, Bootnodes: []*enode.Node{boot}})
		age := func() time.Duration {
			e, ok := db.Get(boot.ID())
			if !ok {
				t.Fatal("the neighbour is not in the database")
			}
			return time.Since(e.LastPong)
		}
		const between = 20 * time.Minute // its checks
		time.Sleep(5 * time.Hour)
		if got := age(); got > keepEvery+between {
			t.Errorf("seen %v ago as the database has it", got)
		}
		time.Sleep(50 * time.Minute)
		w.stop(n)
		if got := age(); got > between {
			t.Errorf("after the end seen %v ago as the database has it", got)
		}
	})
}

// Nodes may share a database.
func TestSharedDatabase(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		db := openDB(t, "", new(logBook))
		boot := w.start(Config{DB: db}).Self()
		for range 6 {
			w.start(Config{DB: db, Bootnodes: []*enode.Node{boot}})
		}
		w.filled(1, 1, 10*time.Second)
		if db.Len() != 7 {
			t.Errorf("%d nodes in the database", db.Len())
		}
		addrs := make(map[netip.Addr]bool)
		for e := range db.All() {
			addrs[e.Node.IP()] = true
		}
		if len(addrs) != 7 {
			t.Errorf("at %d addresses", len(addrs))
		}
	})
}
