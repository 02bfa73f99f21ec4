package tidy

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// typedPackage is a package of this module whose expressions have types.
type typedPackage struct {
	pkg   string // folder of it
	files []sourceFile
	info  *types.Info
}

// typeChecker knows what a package and all that it needs declare.
type typeChecker struct {
	fset   *token.FileSet
	lookup types.Importer
	own    []listedPackage // of this module, the package itself last
}

type listedPackage struct {
	path  string
	files []string
}

// newTypeChecker asks the go command for a package of this module, and all that it
// needs, compiled: that is what its expressions' types are found from.
func newTypeChecker(t *testing.T, pkg string) *typeChecker {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-f",
		`{{.ImportPath}}|{{.Export}}|{{.Dir}}|{{range .GoFiles}}{{.}} {{end}}`, "./"+pkg)
	list.Dir = root
	var stderr strings.Builder
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", list, err, stderr.String())
	}
	c := &typeChecker{fset: token.NewFileSet()}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 {
			t.Fatalf("%v: %q", list, line)
		}
		exports[f[0]] = f[1]
		if strings.HasPrefix(f[0], module+"/") {
			p := listedPackage{path: f[0]}
			for _, name := range strings.Fields(f[3]) {
				p.files = append(p.files, filepath.Join(f[2], name))
			}
			c.own = append(c.own, p)
		}
	}
	c.lookup = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s needs nothing of %s", pkg, path)
		}
		return os.Open(exports[path])
	})
	return c
}

// check finds the types of a package's expressions.
func (c *typeChecker) check(t *testing.T, p listedPackage) typedPackage {
	t.Helper()
	pkg := strings.TrimPrefix(p.path, module+"/")
	var files []sourceFile
	for _, name := range p.files {
		f, err := parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, sourceFile{path: pkg + "/" + filepath.Base(name), pkg: pkg, ast: f, fset: c.fset})
	}
	return typedPackage{pkg, files, c.types(t, p.path, files)}
}

func (c *typeChecker) types(t *testing.T, path string, files []sourceFile) *types.Info {
	t.Helper()
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: c.lookup}
	asts := slices.Collect(func(yield func(*ast.File) bool) {
		for _, f := range files {
			if !yield(f.ast) {
				return
			}
		}
	})
	if _, err := conf.Check(path, c.fset, asts, info); err != nil {
		t.Fatal(err)
	}
	return info
}
