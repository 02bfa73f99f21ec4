package tidy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers says what each package may import besides the standard library. Only
// packages further up the list may be named: imports point down.
var layers = []struct {
	pkg string
	may []string
}{
	{"internal/keyed", nil},
	{"internal/limit", nil},
	{"internal/prefetch", nil},
	{"internal/wait", []string{"internal/prefetch"}},
	{"rlp", nil},
	{"internal/keccakf", []string{"golang.org/x/sys"}},
	{"secp", []string{"internal/keccakf", "github.com/decred/dcrd/dcrec/secp256k1/v4", "golang.org/x/crypto"}},
	{"enr", []string{"rlp", "secp"}},
	{"enode", []string{"rlp", "secp", "enr"}},
	{"kad", []string{"secp", "enr", "enode", "internal/prefetch"}},
	{"discv4", []string{"rlp", "secp", "enr", "enode", "kad", "internal/keyed", "internal/limit", "internal/wait", "internal/prefetch"}},
	{"discv5", []string{"rlp", "secp", "enr", "enode", "kad", "internal/keyed", "internal/limit", "internal/wait"}},
	{"peering", []string{"enode"}},
	{"internal/bufpool", nil},
	{"internal/hugepages", nil},
	{"internal/netio", []string{"internal/bufpool", "golang.org/x/sys"}},
	{"rlpx", []string{"rlp", "secp", "internal/bufpool", "internal/netio", "github.com/golang/snappy"}},
	{"nodedb", []string{"rlp", "secp", "enr", "enode"}},
	{"discmux", []string{"enode", "kad", "discv4", "discv5"}},
	{"discover", []string{"secp", "enr", "enode", "kad", "discv4", "discv5", "discmux", "nodedb", "internal/netio"}},
	{"p2p", []string{"secp", "enode", "nodedb", "discover", "peering", "rlpx", "internal/bufpool", "internal/netio"}},
	{"sim", []string{"rlp", "secp", "enr", "enode", "kad", "discv4", "discv5", "discmux", "peering", "rlpx", "p2p", "internal/prefetch"}},
	{"sim/adversary", []string{"sim", "secp", "enr", "enode", "kad", "discv4", "discv5", "peering"}},
	{"sim/report", nil},
	{"sim/scenario", []string{"enode", "kad", "peering", "sim", "sim/adversary", "sim/report", "github.com/BurntSushi/toml"}},
	{"internal/tidy", nil},
	{"examples/chat", []string{"secp", "enode", "p2p"}},
	{"cmd/kith", []string{"rlp", "secp", "enr", "enode", "kad", "discv4", "discv5", "peering", "rlpx", "nodedb", "discover", "p2p", "internal/netio", "internal/hugepages", "sim", "sim/scenario", "sim/report", "golang.org/x/term", "golang.org/x/sys"}},
}

func TestImportsPointDown(t *testing.T) {
	known := make(map[string]int)
	for i, l := range layers {
		known[l.pkg] = i
		for _, may := range l.may {
			if j, own := known[may]; own && j >= i {
				t.Errorf("the list itself lets %s import %s, which is not below it", l.pkg, may)
			}
		}
	}
	seen := make(map[string]bool)
	for _, f := range goFiles(t, false) {
		i, ok := known[f.pkg]
		if !ok {
			t.Errorf("%s: package %s has no place in the layers", f.path, f.pkg)
			continue
		}
		seen[f.pkg] = true
		for _, imp := range f.imports() {
			if allowed(f, imp, layers[i].may) {
				continue
			}
			t.Errorf("%s: %s may not import %s", f.path, f.pkg, imp)
		}
	}
	for _, l := range layers {
		if !seen[l.pkg] {
			t.Errorf("the layers name %s, which does not exist", l.pkg)
		}
	}
}

// allowed reports whether the file may import a package. Tests may besides use
// their own package and, as drivers of what they test, anything below discover.
func allowed(f sourceFile, imp string, may []string) bool {
	own, isOwn := strings.CutPrefix(imp, module+"/")
	if !isOwn && !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
		return true // standard library
	}
	name := imp
	if isOwn {
		name = own
	}
	if f.test && isOwn && (own == f.pkg || slices.Contains([]string{"rlp", "secp", "enr", "enode"}, own)) {
		return true
	}
	return slices.ContainsFunc(may, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") })
}

func TestFewDependencies(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	contributing, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	require := regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.-]+\.[a-z]+/\S+) v\S+(.*)$`)
	for _, m := range require.FindAllStringSubmatch(string(mod), -1) {
		if strings.Contains(m[1], "go-ethereum") {
			t.Errorf("go.mod: %s must stay in interop/", m[1])
		}
		if strings.Contains(m[2], "indirect") {
			continue
		}
		direct++
		if !strings.Contains(string(contributing), m[1]) {
			t.Errorf("CONTRIBUTING.md gives no reason for %s", m[1])
		}
	}
	if direct == 0 || direct > 8 {
		t.Errorf("go.mod: %d direct dependencies, want 1 to 8", direct)
	}
	if _, err := os.Stat(filepath.Join(root, "go.work")); err == nil {
		t.Error("go.work: a workspace would leak interop's dependency versions into the root")
	}
}
