package sim

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mutants are faults, each one change of one place of the shipped code, and the rule
// that finds it in the world of TestRulesHold, or of TestRulesHoldV5 if it is one of v5.
var mutants = []struct {
	name     string
	file     string
	old, new string
	rule     Rule
}{
	{"no diversity limit", "kad/diversity.go",
		"return p == 0 || t.without(Diversity) ||",
		"return p == 0 || t != nil ||", RuleDiversity},
	{"no liveness check before hand-out", "kad/table.go",
		"case len(b.entries) < BucketSize && t.without(Liveness):",
		"case len(b.entries) < BucketSize:", RuleLiveness},
	{"who is heard of counts as seen", "kad/table.go",
		"t.enqueueCheck(b, n)",
		"t.AddLive(n, V4)", RuleLiveness},
	{"a done is called twice", "discv4/calls.go",
		"first(r, err)",
		"first(r, err)\n\t\tfirst(r, err)", RuleDoneOnce},
	{"a request never times out", "discv4/calls.go",
		"m.endPing(pc, PingResult{}, ErrTimeout)",
		"_ = ErrTimeout", RuleRequestEnds},
	{"a query never times out", "discv4/request.go",
		"m.endRequest(r, ErrTimeout)",
		"_ = ErrTimeout", RuleRequestEnds},
	{"one entry too many in a bucket", "kad/table.go",
		"if len(b.entries) < BucketSize {\n\t\tt.addEntry(b, t.newEntry(n, t.second(), via))",
		"if len(b.entries) <= BucketSize {\n\t\tt.addEntry(b, t.newEntry(n, t.second(), via))", RuleBucket},
	{"a stranger is asked three times", "discv4/handle.go",
		"m.ping(n, pingSendsOnce,",
		"m.ping(n, pingSendsKnown,", RuleAmplification},
	{"queries are answered without a proof", "discv4/machine.go",
		"m := &Machine{cfg: cfg}",
		"cfg.Without = EndpointProof\n\tm := &Machine{cfg: cfg}", RuleAmplification},
	{"a request waits for ever behind a handshake", "discv5/calls.go",
		"if r.state == queued {\n\t\t\tm.begin(r)",
		"if r.state == late {\n\t\t\tm.begin(r)", RuleRequestEnds},
	{"a v5 request never times out", "discv5/calls.go",
		"case m.at >= r.deadline:\n\t\tm.timeout(r)",
		"case m.at >= r.deadline:", RuleRequestEnds},
	{"a v5 done is called twice", "discv5/calls.go",
		"\t\tr.tell(err)",
		"\t\tr.tell(err)\n\t\tr.tell(err)", RuleDoneOnce},
	{"a stranger is challenged twice", "discv5/challenge.go",
		"m.out = append(m.out, Out{To: from, Dest: h.Src, Header: ch.header()})",
		"for range 2 {\n\t\tm.out = append(m.out, Out{To: from, Dest: h.Src, Header: ch.header()})\n\t}", RuleAmplification},
	{"nodes of v4 are handed out by v5", "discv5/answer.go",
		"m.cfg.Table.AtDistance(nodes[:0], int(d), len(nodes), kad.V5)",
		"m.cfg.Table.AtDistance(nodes[:0], int(d), len(nodes), 0)", RuleLiveness},
	{"sessions are kept for ever", "discv5/session.go",
		"if t.size >= t.limit {",
		"if t.size < 0 {", RuleBounds},
	{"bootnodes are never asked", "kad/refresh.go",
		"nodes = slices.Clone(t.cfg.Bootnodes)",
		"nodes = slices.Clone(t.cfg.Bootnodes[:0])", RuleStranded},
}

var brokenRule = regexp.MustCompile(`rule=(\S+):`)

// TestMutants: each fault is found by the rule that is about it. Each is built from an
// overlay: nothing of it is in the shipped code.
func TestMutants(t *testing.T) {
	if testing.Short() || raceEnabled {
		return
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, err := filepath.Abs(filepath.Join("..", m.file))
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s has %d places that read %q, want one: the mutant has to be written anew", m.file, n, m.old)
			}
			mutated := filepath.Join(dir, "mutated.go")
			overlay := filepath.Join(dir, "overlay.json")
			replace, _ := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
			for file, content := range map[string]string{mutated: strings.Replace(string(source), m.old, m.new, 1), overlay: string(replace)} {
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			test := "^TestRulesHold$"
			if strings.HasPrefix(m.file, "discv5/") || strings.HasPrefix(m.file, "discmux/") {
				test = "^TestRulesHoldV5$"
			}
			out, err := exec.Command("go", "test", "-vet=off", "-count=1", "-timeout", "2m", "-overlay", overlay, "-run", test, ".").CombinedOutput()
			found := brokenRule.FindStringSubmatch(string(out))
			if err == nil || found == nil || Rule(found[1]) != m.rule {
				t.Errorf("want it to break %q: %v\n%s", m.rule, err, out)
			}
		})
	}
}
