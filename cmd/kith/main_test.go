package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/kithnet/kith/enode"
)

// runKith carries out a command line and returns what it wrote.
func runKith(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// TestHelpOfAll checks what the scripts can't: that each command's help names
// each of its flags and fits on a screen.
func TestHelpOfAll(t *testing.T) {
	for _, c := range commands() {
		code, out, errs := runKith(t.Context(), append([]string{"help"}, strings.Fields(c.name)...)...)
		if code != exitOK || errs != "" {
			t.Fatalf("help %s: exit code %d, %s", c.name, code, errs)
		}
		for line := range strings.Lines(out) {
			if len([]rune(line)) > helpWidth+1 {
				t.Errorf("help %s: line longer than %d: %s", c.name, helpWidth, line)
			}
		}
		fs := newFlagSet()
		c.setup(fs)
		fs.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(out, "\n  --"+f.Name) || f.Usage == "" {
				t.Errorf("help %s does not tell of --%s", c.name, f.Name)
			}
		})
	}
}

// TestLostOutput: a command whose output can't be written has failed.
func TestLostOutput(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"version"}, strings.NewReader(""), brokenWriter{}, &errs)
	if want := "kith version: cannot write to standard output: disk full\n"; code != exitFailed || errs.String() != want {
		t.Fatalf("exit code %d, %q", code, errs.String())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestNetworks checks the table of public networks. Nothing is sent.
func TestNetworks(t *testing.T) {
	if names := networkNames(); !slices.Equal(names, []string{"mainnet", "sepolia", "hoodi"}) {
		t.Fatal(names)
	}
	listed := make(map[string]int)
	seen := make(map[enode.ID]bool)
	for name, url := range networkEntries {
		n, err := enode.Parse(url)
		if err != nil {
			t.Errorf("%s: %s: %v", name, url, err)
			continue
		}
		if _, ok := n.UDPEndpoint(); !ok || n.IP().IsPrivate() || n.IP().IsLoopback() {
			t.Errorf("%s: %s: no public endpoint", name, url)
		}
		if seen[n.ID()] {
			t.Errorf("%s: %s is there twice", name, url)
		}
		seen[n.ID()] = true
		listed[name]++
	}
	for name, n := range listed {
		if n < 5 || len(networkBootnodes(name)) != n {
			t.Errorf("%s: %d bootnodes, %d of them usable", name, n, len(networkBootnodes(name)))
		}
	}
}

// TestFlagOrder: flags stand anywhere, values keep their dashes, "--" ends them.
func TestFlagOrder(t *testing.T) {
	for _, test := range []struct {
		args, pos []string
		n         int
		s         string
		b         bool
	}{
		{args: []string{"x", "--n", "5", "y", "-b"}, pos: []string{"x", "y"}, n: 5, b: true},
		{args: []string{"--s=--", "-n=7", "x"}, pos: []string{"x"}, n: 7, s: "--"},
		{args: []string{"--s", "-b", "-"}, pos: []string{"-"}, s: "-b"},
		{args: []string{"--b=false", "--", "-b", "--n"}, pos: []string{"-b", "--n"}},
		{args: []string{"--n", "1", "--n", "2"}, n: 2},
		{args: []string{"--s="}},
	} {
		fs, got := testFlags()
		pos, err := fs.parse(test.args)
		if err != nil || !slices.Equal(pos, test.pos) || *got != (flagValues{test.n, test.s, test.b}) {
			t.Errorf("%q: %q, %+v, %v", test.args, pos, *got, err)
		}
	}
}

type flagValues struct {
	n int
	s string
	b bool
}

func testFlags() (*flagSet, *flagValues) {
	fs, v := newFlagSet(), new(flagValues)
	fs.number(&v.n, "n", "a `NUMBER`", 0, 9)
	fs.text(&v.s, "s", "a `TEXT`")
	fs.boolean(&v.b, "b", "a choice")
	return fs, v
}
