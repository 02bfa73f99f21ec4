package scenario

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestShipped: all files are whole, and say what they are for.
func TestShipped(t *testing.T) {
	list := Shipped()
	if len(list) < 20 {
		t.Fatalf("%d scenarios", len(list))
	}
	for _, s := range list {
		same, err := Load(s.Name)
		if err != nil || same.Text() != s.Text() {
			t.Errorf("%s: its file has another name: %v", s.Name, err)
		}
		if !strings.HasSuffix(s.Question, "?") || !strings.HasPrefix(s.Text(), "# ") || !strings.Contains(s.Text(), "\n# Expected: ") {
			t.Errorf("%s: no question, or no comment that says what is expected", s.Name)
		}
		if len(s.expects) < 2 {
			t.Errorf("%s: expects too little", s.Name)
		}
		small := s.Small.Nodes
		if small == 0 {
			small = s.Nodes
		}
		if small > 300 {
			t.Errorf("%s: %d nodes are not small", s.Name, small)
		}
	}
}

// minimal is what a scenario must have, on four lines.
const minimal = "name = \"x\"\nquestion = \"why?\"\nnodes = 20\nduration = \"1m\"\n"

// TestDecodeErrors: what can't be is refused, with its line and what could be.
func TestDecodeErrors(t *testing.T) {
	for _, test := range []struct{ more, want string }{
		{"nods = 5", `line 5: unknown key "nods": a scenario has addresses, adversary, bootnodes, `},
		{"[link]\nlatency = \"5ms\"\nlos = 0.1", `line 7: unknown key "link.los": [link] has duplicate, jitter, latency, loss, tail`},
		{"[churn]\nup = { weibul = 0.5 }", `line 6: unknown key "churn.up.weibul": [churn.up] has constant, `},
		{"[[event]]\nat = \"1s\"\nwhat = \"leave\"", `line 7: unknown key "event.what": [event] has at, count, do, `},
		{"[links]\nloss = 1", `line 5: unknown key "links": a scenario has`},
		{"[link]\nloss = 1.5", "line 6: link.loss: want a share from 0 to 1"},
		{"[link]\nloss = nan", "line 6: link.loss: want a share from 0 to 1"},
		{"[link]\nloss = \"much\"", "line 6: "},
		{"[link]\nlatency = \"5 minutes\"", "line 6: "},
		{"[link]\nlatency = \"2h\"", "line 6: link.latency: want a time up to 1m0s"},
		{"nodes = 5", "line 5: "},
		{"every = \"1ms\"", "line 5: every: want a time from 100ms"},
		{"bootnodes = 21", "line 5: bootnodes: want a number from 1 to nodes"},
		{"wire = \"copper\"", `line 5: wire: want "struct" or "real"`},
		{"join = \"2m\"", "line 5: join: want a time up to duration"},
		{"[protocols]\nmix = \"40:40:40\"", `line 6: protocols.mix: "40:40:40", want three shares of a hundred`},
		{"[protocols]\nmix = \"100\"", `line 6: protocols.mix: "100", want three shares`},
		{"[protocols]\nsessions = -1", "line 6: protocols.sessions: want a number from 0 to"},
		{"without = \"luck\"", `line 5: without: there is no defence "luck": there are diversity, `},
		{"[nat]\nfull_cone = 0.7\nsymmetric = 0.7", "line 5: nat: the shares sum to 1.4, more than 1"},
		{"[regions]\npreset = \"moon\"", `line 6: regions.preset: there is none "moon": there is cloud-2017`},
		{"[regions]\npreset = \"cloud-2017\"\nnames = [\"a\"]", "line 6: regions.preset: and names, shares or one_way_ms"},
		{"[regions]\nnames = [\"a\", \"b\"]\nshares = [0.5, 0.4]\none_way_ms = [[1, 2], [2, 1]]", "line 7: regions.shares: they sum to 0.9, not to 1"},
		{"[regions]\nnames = [\"a\", \"b\"]\nshares = [0.5, 0.5]\none_way_ms = [[1, 2], [2]]", "line 8: regions.one_way_ms: want 2 values in each row"},
		{"[churn]\npreset = \"mainnet\"", `line 6: churn.preset: there is none "mainnet": there are bittorrent-2006, `},
		{"[churn]\nup = { constant = \"5m\" }", "line 5: churn: want both up and down"},
		{"[churn]\nup = { constant = \"5m\", weibull = 0.5 }\ndown = { constant = \"5m\" }", "line 6: churn.up: want one of constant, "},
		{"[churn]\nup = { weibull = 0.5 }\ndown = { constant = \"5m\" }", "line 6: churn.up: want a scale with weibull"},
		{"[churn]\nup = { constant = \"1ms\" }\ndown = { constant = \"5m\" }", "line 6: churn.up: want times from 1s"},
		{"[server]\nmax_peers = 5\nwant = 6", "line 7: server.want: want a number from 1 to max_peers"},
		{"[lookups]\nevery = \"5s\"", "line 5: lookups.count: want a number from 1"},
		{"[small]\nnodes = 21", "line 6: small.nodes: want a number from 2 or bootnodes to nodes"},
		{"[[event]]\nat = \"1s\"\ndo = \"explode\"", `event 1: do = "explode", want one of leave, return, part, heal, crowd, restart`},
		{"[[event]]\nat = \"2m\"\ndo = \"heal\"", "event 1: at = 2m0s, want a time up to duration"},
		{"[[event]]\nat = \"1s\"\ndo = \"leave\"", `event 1: "leave" wants one of share, count and region`},
		{"[[event]]\nat = \"1s\"\ndo = \"leave\"\nshare = 2.0", "event 1: want a share from 0 to 1"},
		{"[[event]]\nat = \"1s\"\ndo = \"leave\"\nregion = \"moon\"", `event 1: there is no region "moon"`},
		{"[[event]]\nat = \"1s\"\ndo = \"restart\"", `event 1: "restart" is for the victim, and there is none`},
		{"[[event]]\nat = \"1s\"\ndo = \"leave\"\nshare = 0.5\n[churn]\npreset = \"kad-2009\"", "event 1: nodes that come and go by [churn]"},
		{"[[adversary]]\nkind = \"bore\"", `adversary 1: kind = "bore", want one of eclipse, `},
		{"[[adversary]]\nkind = \"bootnode\"\nat = \"5s\"", "adversary 1: a hostile bootnode is there from the start"},
		{"expect = [\"luck >= 1\"]", `line 5: expect: "luck >= 1": "luck" is not measured; what is: up, filled, `},
		{"expect = [\"filled = 1\"]", `line 5: expect: "filled = 1": "=", want >=, <=, > or <`},
		{"expect = [\"filled >= lots\"]", `"lots" is no value`},
		{"expect = [\"filled >= 1 at 2m\"]", `"2m" is no time up to the duration of 1m0s`},
		{"expect = [\"filled >= 1 from 30s to 20s\"]", "it is to end before it begins"},
		{"expect = [\"full_table <= 3s at 10s\"]", "full_table is known at the end alone"},
		{"expect = [\"filled\"]", "want a metric, >= or <=, and a value"},
		{"x = [", "line "},
	} {
		s, err := Decode(minimal + test.more)
		if err == nil {
			t.Errorf("%q: %+v", test.more, s)
		} else if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n%v\nwant: %s", test.more, err, test.want)
		}
	}
	for _, text := range []string{"", "nodes = 3", strings.Repeat("#", maxText+1), strings.Replace(minimal, "20", "1", 1), strings.Replace(minimal, "1m", "0s", 1)} {
		if _, err := Decode(text); err == nil {
			t.Errorf("%.40q is a scenario", text)
		}
	}
}

// TestDecode: defaults, presets and all that can be said.
func TestDecode(t *testing.T) {
	s, err := Decode(minimal)
	if err != nil {
		t.Fatal(err)
	}
	if s.Seed != 1 || s.Wire != "struct" || s.Every != 5*time.Second || s.Bootnodes != 1 || s.Link.Latency != 20*time.Millisecond || s.Lookups.Last != 200 || s.Server != nil {
		t.Errorf("%+v", s)
	}
	s, err = Decode(minimal + `
seed = 7
expect = ["filled >= 0.9 at 30s", "full_table <= 10s", "table_share <= address_share+0.05"]
[churn]
preset = "ipfs-2022"
share = 0.5
[server]
max_peers = 30
dial_ratio = 5
[[event]]
at = "30s"
do = "crowd"
share = 2
[[event]]
at = "10s"
do = "part"
share = 0.5
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Churn.Up.Weibull != 0.52 || s.Churn.Share != 0.5 || !s.Churn.Settled || s.Server.Want != 6 || s.Events[0].Do != doPart || s.total() != 60 {
		t.Errorf("%+v", s)
	}
	want := []Expectation{
		{Text: "filled >= 0.9 at 30s", Metric: "filled", Op: ">=", Value: 0.9, Timed: true, From: 30 * time.Second, To: 30 * time.Second},
		{Text: "full_table <= 10s", Metric: "full_table", Op: "<=", Value: 10},
		{Text: "table_share <= address_share+0.05", Metric: "table_share", Op: "<=", Of: "address_share", Value: 0.05},
	}
	if !reflect.DeepEqual(s.expects, want) {
		t.Errorf("%+v", s.expects)
	}
}

// TestPublished: the presets are what their sources say.
func TestPublished(t *testing.T) {
	p := churnPresets["ipfs-2022"].Up
	longer := func(d time.Duration) float64 { return math.Exp(-math.Pow(float64(d)/float64(p.Scale), p.Weibull)) }
	if got := longer(8 * time.Hour); math.Abs(got-0.124) > 0.003 {
		t.Errorf("%.3f of sessions are longer than 8 hours", got)
	}
	if got := longer(24 * time.Hour); math.Abs(got-0.025) > 0.003 {
		t.Errorf("%.3f of sessions are longer than 24 hours", got)
	}
	for name, c := range churnPresets {
		if err := c.Up.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range regionPresets {
		for i, row := range r.OneWay {
			for j, ms := range row {
				if ms != r.OneWay[j][i] || ms < 1 {
					t.Errorf("%s: from %s to %s %v ms, back %v", name, r.Names[i], r.Names[j], ms, r.OneWay[j][i])
				}
			}
		}
	}
}

// TestSet: a sweep may change what has one value, and nothing else.
func TestSet(t *testing.T) {
	s, err := Load("half-leaves")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		key, value string
		get        func(*Scenario) any
		want       any
	}{
		{"nodes", "64", func(s *Scenario) any { return s.Nodes }, 64},
		{"link.loss", "0.25", func(s *Scenario) any { return s.Link.Loss }, 0.25},
		{"link.loss", "0", func(s *Scenario) any { return s.Link.Loss }, 0.0},
		{"link.jitter", "3ms", func(s *Scenario) any { return s.Link.Jitter }, 3 * time.Millisecond},
		{"server.max_peers", "9", func(s *Scenario) any { return s.Server.MaxPeers }, 9},
		{"wire", "real", func(s *Scenario) any { return s.Wire }, "real"},
	} {
		c, err := s.Set(test.key, test.value)
		if err != nil || test.get(c) != test.want {
			t.Errorf("%s = %s: %v", test.key, test.value, err)
		} else if len(c.Events) != 2 || len(c.expects) != len(s.expects) {
			t.Errorf("%s = %s: the rest is another", test.key, test.value)
		}
	}
	for _, test := range []struct{ key, value, want string }{
		{"nods", "5", `nods = 5: unknown key "nods"`},
		{"link", "5", "no key with one value"},
		{"event", "5", "no key with one value"},
		{"nodes.x", "5", "no key with one value"},
		{"nodes", "many", "nodes = many: "},
		{"nodes", "1", "nodes = 1: nodes: want a number from 2"},
		{"link.loss", "2", "want a share from 0 to 1"},
		{"", "5", "is no key"},
	} {
		if _, err := s.Set(test.key, test.value); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "line ") {
			t.Errorf("%s = %s: %v, want %s", test.key, test.value, err, test.want)
		}
	}
}

// FuzzDecode: no text does more than be refused, and what is accepted can be planned.
func FuzzDecode(f *testing.F) {
	for _, s := range Shipped() {
		f.Add(s.Text())
	}
	f.Add(minimal)
	f.Add("[[event]]\n[regions]\none_way_ms=[[]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Decode(text)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("no reason")
			}
			return
		}
		if s.total() < s.Nodes || s.total() > 2*maxNodes || s.Nodes < s.Bootnodes || len(s.expects) != len(s.Expect) || s.Every <= 0 {
			t.Fatalf("%+v", s)
		}
		if s.total() > 1000 {
			return
		}
		p, err := newPlan(s, s.Seed)
		if err != nil {
			return
		}
		for i := range s.total() {
			if n := p.node(i); len(s.Regions.Names) > 0 && n.Region >= len(s.Regions.Names) {
				t.Fatalf("node %d is in region %d", i, n.Region)
			}
		}
	})
}
