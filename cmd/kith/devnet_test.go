package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
)

// TestChoosePairs: all pairs of a small network; of a large one as many as asked
// for or a few more, none twice, and each node as often on either side.
func TestChoosePairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct{ n, limit, want int }{
		{2, 1, 2}, {3, 1, 3}, {32, 2000, 992}, {45, 2000, 1980}, {46, 2000, 2024}, {300, 2000, 2100}, {300, 1, 300}, {5, 1_000_000, 20},
	} {
		pairs := choosePairs(rng, allDual.spread(test.n, rng), test.limit)
		if len(pairs) != test.want {
			t.Errorf("%d nodes, limit %d: %d pairs, want %d", test.n, test.limit, len(pairs), test.want)
		}
		seen := make(map[pair]bool)
		from, to := make([]int, test.n), make([]int, test.n)
		for _, p := range pairs {
			if p.from == p.to || seen[p] {
				t.Fatalf("%d nodes: pair %v", test.n, p)
			}
			seen[p] = true
			from[p.from]++
			to[p.to]++
		}
		for i := range from {
			if each := len(pairs) / test.n; from[i] != each || to[i] != each {
				t.Fatalf("%d nodes: node %d looks %d times and is looked for %d times, want %d", test.n, i, from[i], to[i], each)
			}
		}
	}
}

// TestDevnetInterrupted: the summary so far, and a failure.
func TestDevnetInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	first := writerFunc(func(p []byte) (int, error) {
		cancel()
		return out.Write(p)
	})
	code := run(ctx, []string{"devnet", "--nodes", "4", "--json"}, strings.NewReader(""), first, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var s summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatal(err)
	}
	if code != exitFailed || s.Type != "summary" || s.Complete || !s.Interrupted || s.Pairs != 12 {
		t.Fatalf("exit code %d, %+v", code, s)
	}
	if want := "kith devnet: interrupted with 0 of 12 pairs found\n"; errs.String() != want {
		t.Fatalf("%q", errs.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestDevnetSeed: the same seed makes the same nodes.
func TestDevnetSeed(t *testing.T) {
	var ids []string
	for _, seed := range []uint64{5, 5, 6} {
		d := startTwo(t, seed)
		ids = append(ids, d.pairName(pair{0, 1}))
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Fatal(ids)
	}
}

// TestDevnetFailures: each way not to be complete has its words.
func TestDevnetFailures(t *testing.T) {
	for _, test := range []struct {
		s    summary
		want string
	}{
		{summary{Complete: true, Interrupted: true}, ""},
		{summary{Interrupted: true, Pairs: 992, Found: 3}, "interrupted with 3 of 992 pairs found"},
		{summary{Pairs: 2000, Looked: 1000, Found: 1000}, "time was up with 1,000 of 2,000 pairs looked up: give it more by --for"},
		{summary{Pairs: 20, Looked: 20, Found: 18}, "2 pairs not found"},
	} {
		got := ""
		if err := test.s.failure(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.s, got, test.want)
		}
	}
}

// startTwo starts a network of two nodes.
func startTwo(t *testing.T, seed uint64) *devnet {
	d, err := newDevnet(2, 0, allDual, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	if err := d.start(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for i, n := range d.nodes {
		if n.Self().ID() != d.ids[i] {
			t.Fatalf("node %d has the ID %v, not %v", i, n.Self().ID(), d.ids[i])
		}
	}
	return d
}

// testProgress is the progress of a network of two that stands still.
func testProgress(t *testing.T) progress {
	var drops dropCounts
	drops[discv4.DropExpired], drops[discv4.DropUnproven] = 3, 1234
	return progress{
		Seconds: 12.3, Nodes: 2, Running: 2, FillMedian: 1, FillLeast: 0.5, Filled: 1.25, Pairs: 2, Looked: 2, Found: 1,
		InRate: 12345, OutRate: 1234, ByteRate: 2.5e6, MemoryBytes: 123456,
		Lookups: lookFigures{Count: 2, MedianMS: 1.5, P95MS: 12, MaxMS: 1234, MedianHops: 1, MaxHops: 2},
		runFor:  30 * time.Second, dropped: drops, fills: []float64{0.5, 1}, net: startTwo(t, 1),
		recent: []look{{pair: pair{0, 1}, found: true, took: 1500 * time.Microsecond}, {pair: pair{1, 0}, hops: 2}},
	}
}

func TestFrame(t *testing.T) {
	p := testProgress(t)
	a, b := p.net.ids[0].Short(), p.net.ids[1].Short()
	want := `kith devnet: 2 nodes and a bootnode on 127.0.0.1, 12 s of 30s

tables   ############################## 100 % median, 50 % least
         90 % in the median node after 1.2 s
found    ###############............... 1 of 2 pairs

packets  12,345/s in, 1,234/s out, 2.5 MB/s
lookups  2: 1.5 ms median, 12 ms p95, 1.2 s max; hops 1 median, 2 max
drops    expired=3 unproven=1234
memory   123.5 KB for each node

each node's table, the emptiest first
  48

latest lookups
  ` + a + ` -> ` + b + `  found in 1.5 ms
  ` + b + ` -> ` + a + `  not found, hops 2`
	plain := styleOf(func(string) string { return "C" })
	if got := strings.Join(p.frame(80, plain), "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	unicode := styleOf(func(string) string { return "en_US.UTF-8" })
	if got := strings.Join(p.frame(80, unicode), "\n"); !strings.Contains(got, "███░░░") || !strings.Contains(got, "  ▄█\n") || !strings.Contains(got, " → ") {
		t.Error(got)
	}
	p.fills = make([]float64, 2000)
	if lines := p.block(50, plain); len(lines) != maxBlock || len(lines[0]) != 52 {
		t.Errorf("2000 nodes take %q", lines)
	}
}

// TestScreen: frames are cut to the terminal, whatever its size, and closing
// gives it back as it was, once.
func TestScreen(t *testing.T) {
	p := testProgress(t)
	for _, dim := range [][2]int{{80, 24}, {10, 3}, {1, 1}, {0, 0}, {300, 100}} {
		var out bytes.Buffer
		s := newScreen(&out, func() (int, int) { return dim[0], dim[1] })
		s.draw(p.frame(s.width, s.style))
		s.close()
		s.close()
		text, ok := strings.CutPrefix(out.String(), enterScreen+cursorHome)
		if !ok || strings.Count(text, leaveScreen) != 1 || !strings.HasSuffix(text, clearBelow+leaveScreen) {
			t.Fatalf("%v: %q", dim, out.String())
		}
		lines := strings.Split(text, "\r\n")
		lines = lines[:len(lines)-1]
		if len(lines) > max(dim[1]-1, 1) {
			t.Errorf("%v: %d lines", dim, len(lines))
		}
		for _, line := range lines {
			line = strings.NewReplacer(bold, "", plainText, "", clearLine, "").Replace(line)
			if len([]rune(line)) > dim[0] {
				t.Errorf("%v: line %q", dim, line)
			}
		}
	}
}

// TestNumbers pins the forms of numbers that people read.
func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		took(1234 * time.Microsecond):   "1.2 ms",
		took(123456 * time.Microsecond): "123 ms",
		took(12345 * time.Millisecond):  "12.3 s",
		count(0):                        "0",
		count(999):                      "999",
		count(1234567):                  "1,234,567",
		size(999):                       "999 B",
		size(12345):                     "12.3 KB",
		size(1.5e9):                     "1.5 GB",
		plural(1, "node"):               "1 node",
		plural(1000, "node"):            "1,000 nodes",
		briefly(30 * time.Second):       "30s",
		briefly(2 * time.Minute):        "2m",
		briefly(time.Hour):              "1h",
		briefly(90 * time.Second):       "1m30s",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if residentMemory() == 0 {
		t.Error("the process takes no memory")
	}
}
