package tidy

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// machines are the packages of protocol logic: plain single-threaded state.
var machines = []string{"kad", "discv4", "discv5", "discmux", "peering"}

// impure are packages that a machine has no business with.
var impure = []string{"sync", "sync/atomic", "os", "net", "log", "log/slog", "context", "math/rand",
	"crypto/rand", "runtime", "io", "bufio", "syscall", "unsafe", "reflect"}

// impureCalls are functions of packages that are otherwise fine.
var impureCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
	"rand": {"Int", "IntN", "Int64", "Int64N", "Uint32", "Uint64", "Uint64N", "Float64", "Perm", "Shuffle", "N", "NewPCG", "NewChaCha8"},
	"fmt":  {"Print", "Printf", "Println"},
}

func TestMachinesArePure(t *testing.T) {
	checked := 0
	for _, f := range goFiles(t, false) {
		if f.test || !slices.Contains(machines, f.pkg) {
			continue
		}
		checked++
		for _, imp := range f.imports() {
			if slices.Contains(impure, imp) {
				t.Errorf("%s: a machine may not import %s", f.path, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if why := impureNode(n); why != "" {
				t.Errorf("%s: a machine may not %s", f.pos(n), why)
			}
			return true
		})
	}
	if checked < 10 {
		t.Fatalf("checked %d files of machines: the rule looks at the wrong ones", checked)
	}
}

// impureNode says what about a node a machine may not do; "" if nothing.
func impureNode(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "start a goroutine"
	case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
		return "use channels"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "use channels"
		}
	case *ast.SelectorExpr:
		pkg, ok := n.X.(*ast.Ident)
		if ok && pkg.Obj == nil && slices.Contains(impureCalls[pkg.Name], n.Sel.Name) {
			return "call " + pkg.Name + "." + n.Sel.Name
		}
	}
	return ""
}

// TestMachinesKeepOrder finds loops over maps, whose order differs from run to
// run, by the map types that a machine's own declarations name.
func TestMachinesKeepOrder(t *testing.T) {
	found := 0
	for _, pkg := range machines {
		var files []sourceFile
		maps := make(map[string]bool) // names of fields, variables and types that are maps
		for _, f := range goFiles(t, false) {
			if f.test || f.pkg != pkg {
				continue
			}
			files = append(files, f)
			ast.Inspect(f.ast, func(n ast.Node) bool { noteMaps(n, maps); return true })
		}
		found += len(maps)
		for _, f := range files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if r, ok := n.(*ast.RangeStmt); ok && maps[lastName(r.X)] {
					t.Errorf("%s: ranges over the map %s: replay would not be exact", f.pos(n), lastName(r.X))
				}
				return true
			})
		}
	}
	if found == 0 {
		t.Error("no map found: the rule looks at the wrong declarations")
	}
}

// noteMaps records the names that a declaration gives to maps.
func noteMaps(n ast.Node, maps map[string]bool) {
	isMap := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.MapType:
			return true
		case *ast.Ident:
			return maps[e.Name]
		case *ast.CompositeLit:
			_, ok := e.Type.(*ast.MapType)
			return ok
		case *ast.CallExpr: // make(map[…]…)
			if fn, ok := e.Fun.(*ast.Ident); ok && fn.Name == "make" && len(e.Args) > 0 {
				_, ok := e.Args[0].(*ast.MapType)
				return ok
			}
		}
		return false
	}
	switch n := n.(type) {
	case *ast.TypeSpec:
		if isMap(n.Type) {
			maps[n.Name.Name] = true
		}
	case *ast.Field:
		for _, name := range n.Names {
			if isMap(n.Type) {
				maps[name.Name] = true
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if (n.Type != nil && isMap(n.Type)) || (i < len(n.Values) && isMap(n.Values[i])) {
				maps[name.Name] = true
			}
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if i < len(n.Rhs) && isMap(n.Rhs[i]) {
				maps[lastName(left)] = true
			}
		}
	}
}

// lastName returns the name of a variable or field.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.ParenExpr:
		return lastName(e.X)
	case *ast.IndexExpr:
		return lastName(e.X) + "[" + strconv.Itoa(0) + "]"
	}
	return ""
}
