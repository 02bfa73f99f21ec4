package discv4

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts in testdata instead of comparing with them")

// transcript writes down what happens in a network, for people to read.
type transcript struct {
	*testNet
	text   strings.Builder
	events []tableEvent // not written yet
}

type tableEvent struct {
	at   time.Time
	text string
}

func newTranscript(t *testing.T) *transcript {
	s := &transcript{testNet: newTestNet(t, 0, nil)}
	s.log = func(from, to netip.AddrPort, p *Packet, drop Drop) {
		s.flushEvents(s.now) // those of this moment come of the packet
		what := s.detail(p)
		if drop != DropNone {
			what += "  dropped: " + drop.String()
		}
		s.write(s.now, fmt.Sprintf("%s > %s  %-12s %s", s.name(from), s.name(to), p.Kind, what))
	}
	return s
}

// join starts n more nodes.
func (s *transcript) join(n int) {
	for range n {
		s.add(len(s.labs), func(i int, c *Config) {
			c.Trace = func(e kad.Event) { s.event(i, e) }
		})
	}
}

func (s *transcript) write(at time.Time, text string) {
	fmt.Fprintf(&s.text, "%7d ms  %s\n", at.Sub(epoch).Milliseconds(), strings.TrimRight(text, " "))
}

// flushEvents writes the events from before a time.
func (s *transcript) flushEvents(before time.Time) {
	for len(s.events) > 0 && s.events[0].at.Before(before) {
		s.write(s.events[0].at, s.events[0].text)
		s.events = s.events[1:]
	}
}

// note adds an event of the node with this name.
func (s *transcript) note(node rune, format string, args ...any) {
	s.events = append(s.events, tableEvent{s.now, string(node) + "      " + fmt.Sprintf(format, args...)})
}

// say adds a heading.
func (s *transcript) say(text string) {
	s.flushEvents(s.now.Add(1))
	fmt.Fprintf(&s.text, "\n# %s\n", text)
}

// name calls the nodes a, b, c and so on.
func (s *transcript) name(ep netip.AddrPort) string {
	for i, l := range s.labs {
		if l.at == ep {
			return string(rune('a' + i))
		}
	}
	return ep.String()
}

func (s *transcript) names(nodes []*enode.Node) string {
	names := []string{}
	for _, n := range nodes {
		names = append(names, s.name(netip.AddrPortFrom(n.IP(), n.UDP())))
	}
	return strings.Join(names, " ")
}

func (s *transcript) detail(p *Packet) string {
	switch p.Kind {
	case Ping, Pong:
		return fmt.Sprintf("record %d", p.Seq)
	case Neighbors:
		return fmt.Sprintf("%d nodes: %s", len(p.Nodes), s.names(p.Nodes))
	case ENRResponse:
		return fmt.Sprintf("record %d", p.Record.Seq())
	}
	return ""
}

func (s *transcript) event(i int, e kad.Event) {
	what := ""
	switch e.Kind {
	case kad.EventRefresh:
		what = fmt.Sprintf("with %d live", e.Count)
	case kad.EventLookup:
		what = fmt.Sprintf("ended with %d", e.Count)
	default:
		what = fmt.Sprintf("%s in bucket %d", s.names([]*enode.Node{e.Node}), e.Bucket)
	}
	s.note(rune('a'+i), "table: %s %s", e.Kind, what)
}

// compare checks the transcript against the file of its name.
func (s *transcript) compare(t *testing.T) {
	t.Helper()
	path := filepath.Join("testdata", strings.ToLower(strings.TrimPrefix(t.Name(), "TestTranscript"))+".txt")
	s.flushEvents(s.now.Add(1))
	got := strings.TrimPrefix(s.text.String(), "\n")
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(raw), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "(end)", "(end)"
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Fatalf("%s:%d is another\n got: %s\nwant: %s\n(-rewrite takes it as it is)", path, i+1, g, w)
		}
	}
}

// TestTranscriptBond: three nodes find each other from nothing.
func TestTranscriptBond(t *testing.T) {
	s := newTranscript(t)
	s.say("a starts, and b that knows a")
	s.join(2)
	s.run(500 * time.Millisecond)
	s.say("c starts, that knows a too")
	s.join(1)
	s.run(300 * time.Millisecond)
	s.compare(t)
}

// TestTranscriptRestart: a node that has lost its proofs is asked by one that
// still believes in them.
func TestTranscriptRestart(t *testing.T) {
	s := newTranscript(t)
	log := s.log
	s.log = nil
	s.join(2)
	s.run(2 * time.Second)
	s.log, s.events = log, nil
	s.restart(0)
	s.say("a was started again, and b asks it for nodes")
	s.labs[1].m.Findnode(s.labs[0].node, kad.TargetOf(s.labs[1].node.PublicKey()), func(n []*enode.Node, err error) {
		s.note('b', "asked: %d nodes, error %v", len(n), err)
	})
	s.run(500 * time.Millisecond)
	s.compare(t)
}

// TestTranscriptReorder: the second packet of an answer overtakes the first.
func TestTranscriptReorder(t *testing.T) {
	s := newTranscript(t)
	log := s.log
	s.log = nil
	s.join(19)
	s.run(7020 * time.Millisecond)
	s.log, s.events = log, nil
	s.say("s, that knows nobody any more, asks a; the shorter packet comes first")
	l := s.restart(18)
	l.m.Findnode(s.labs[0].node, kad.TargetOf(l.node.PublicKey()), func(n []*enode.Node, err error) {
		s.note('s', "asked: %d nodes, error %v", len(n), err)
	})
	s.fault = func(from, _ netip.AddrPort, p *Packet) []time.Duration {
		if p.Kind == Neighbors && from == s.labs[0].at && len(p.Nodes) >= fullAnswer {
			return []time.Duration{15 * time.Millisecond}
		}
		return []time.Duration{0}
	}
	s.run(220 * time.Millisecond)
	s.compare(t)
}
