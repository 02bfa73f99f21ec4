package tidy

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

func TestRoomsAreSmall(t *testing.T) {
	for _, f := range goFiles(t, true) {
		if n := f.fset.File(f.ast.Pos()).LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines, at most %d: is there a second concept in it?", f.path, n, maxFileLines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", f.pos(fn), fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

func TestExportedIsDocumented(t *testing.T) {
	packageDoc := make(map[string]bool)
	for _, f := range goFiles(t, false) {
		if f.test {
			continue
		}
		packageDoc[f.pkg] = packageDoc[f.pkg] || f.ast.Doc != nil
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no doc comment", f.pos(d), d.Name.Name)
				}
			case *ast.GenDecl:
				checkSpecs(t, f, d)
			}
		}
	}
	for pkg, ok := range packageDoc {
		if !ok {
			t.Errorf("package %s has no doc comment", pkg)
		}
	}
}

// checkSpecs wants a comment on each exported type, and on each exported
// constant or variable or the group it is in.
func checkSpecs(t *testing.T, f sourceFile, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				t.Errorf("%s: type %s has no doc comment", f.pos(s), s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					t.Errorf("%s: %s has no doc comment", f.pos(s), name.Name)
				}
			}
		}
	}
}

// exportedReceiver reports whether a function, or the type it is a method of,
// can be seen from outside. Standard interfaces' methods explain themselves.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	switch d.Name.Name {
	case "String", "Error", "Len", "Less", "Swap", "Push", "Pop", "Unwrap":
		return false
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// unfinished are the marks of work left undone, spelt apart so that this file
// is not found itself.
var unfinished = regexp.MustCompile(`TO` + `DO|FIX` + `ME|XX` + `X\b|not imple` + `mented|\bt\.Sk` + `ip`)

func TestNothingIsLeftUndone(t *testing.T) {
	for _, f := range goFiles(t, true) {
		src, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(src), "\n") {
			if m := unfinished.FindString(line); m != "" {
				t.Errorf("%s:%d: %q", f.path, i+1, m)
			}
		}
	}
}
