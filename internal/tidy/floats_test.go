package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// display is what only shows what has happened, and may do so a bit differently on
// another machine. All else that a scenario needs decides what happens in it, or judges
// that.
var display = map[string]string{
	"sim/report":            "draws figures and writes numbers of them with a few digits",
	"sim/scenario/page.go":  "fills a report with what was measured",
	"sim/scenario/sweep.go": "fills a report with what several runs measured, and lays a line through it",
}

// exactMath are the functions of package math that have one right result, which every
// processor gives. All others are sums of series, and differ.
var exactMath = []string{"Abs", "Ceil", "Copysign", "FMA", "Float32bits", "Float32frombits", "Float64bits", "Float64frombits",
	"Floor", "Frexp", "Inf", "IsInf", "IsNaN", "Ldexp", "Max", "Min", "Modf", "NaN", "Nextafter", "Nextafter32",
	"Round", "RoundToEven", "Signbit", "Sqrt", "Trunc"}

// inexactDraws are what packages math/rand and math/rand/v2 make with functions of
// package math that differ.
var inexactDraws = []string{"NormFloat64", "ExpFloat64", "NewZipf"}

// TestFloatsAreExact: what decides a simulated run is rounded alike everywhere. A
// compiler may add a product without rounding it first, "possibly across statements"
// (Go's specification, "Floating-point operators"): only a conversion prevents it, an
// assignment does not. Nobody sees where a product ends up after inlining, and so each is
// converted, or multiplied, divided or compared, which rounds it, too.
func TestFloatsAreExact(t *testing.T) {
	c := newTypeChecker(t, "sim/scenario")
	shown := make(map[string]bool)
	products := 0
	for _, listed := range c.own {
		p := c.check(t, listed)
		for _, f := range p.files {
			if display[p.pkg] != "" || display[f.path] != "" {
				shown[p.pkg], shown[f.path] = true, true
				continue
			}
			products += inexact(f.ast, p.info, func(n ast.Node, what string) { t.Errorf("%s: %s", f.pos(n), what) })
		}
	}
	for name := range display {
		if !shown[name] {
			t.Errorf("the list of what is shown has %s, which does not exist", name)
		}
	}
	if products < 20 {
		t.Errorf("found %d products of floats: the rule looks at the wrong code", products)
	}
}

// inexact tells of what may differ from machine to machine in a file, and returns how
// many products of floats there are.
func inexact(f *ast.File, info *types.Info, tell func(n ast.Node, what string)) (products int) {
	var above []ast.Node // of the node that is looked at
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil:
			above = above[:len(above)-1]
			return false
		case *ast.BinaryExpr:
			if t := info.Types[n]; n.Op == token.MUL && t.Value == nil && inexactType(t.Type) {
				products++
				if !rounded(n, t.Type, above, info) {
					tell(n, "whether this product is rounded depends on the machine: convert it, float64(x*y)")
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.MUL_ASSIGN && inexactType(info.Types[n.Lhs[0]].Type) {
				products++
				tell(n, "whether this product is rounded depends on the machine: x = float64(x*y)")
			}
		case *ast.Ident:
			if name := inexactFunc(info.Uses[n]); name != "" {
				tell(n, name+" differs from machine to machine: see sim/exact.go")
			}
		}
		if e, ok := n.(ast.Expr); ok && isKind(info.Types[e].Type, types.IsComplex) {
			tell(n, "complex numbers have products inside that can't be converted")
		}
		above = append(above, n)
		return true
	})
	return products
}

// rounded reports whether what a product is for rounds it.
func rounded(product ast.Expr, typ types.Type, above []ast.Node, info *types.Info) bool {
	for _, n := range slices.Backward(above) {
		switch n := n.(type) {
		case *ast.ParenExpr:
			continue
		case *ast.UnaryExpr: // a sign
			continue
		case *ast.BinaryExpr:
			return n.Op != token.ADD && n.Op != token.SUB
		case *ast.CallExpr:
			to := info.Types[n.Fun]
			return to.IsType() && (types.Identical(to.Type.Underlying(), typ.Underlying()) || isKind(to.Type, types.IsInteger))
		}
		return false
	}
	return false
}

// inexactFunc returns the name of a function that is not the same everywhere, "" for
// anything else.
func inexactFunc(o types.Object) string {
	fn, ok := o.(*types.Func)
	if !ok || fn.Pkg() == nil {
		return ""
	}
	switch path := fn.Pkg().Path(); {
	case path == "math" && !slices.Contains(exactMath, fn.Name()),
		path == "math/cmplx",
		strings.HasPrefix(path, "math/rand") && slices.Contains(inexactDraws, fn.Name()):
		return fn.Pkg().Name() + "." + fn.Name()
	}
	return ""
}

func inexactType(t types.Type) bool { return isKind(t, types.IsFloat) }

// isKind reports whether a type is of a kind, or may be one if it is a parameter.
func isKind(t types.Type, kind types.BasicInfo) bool {
	if t == nil {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&kind != 0
	case *types.Interface:
		if _, ok := t.(*types.TypeParam); !ok {
			return false
		}
		for e := range u.EmbeddedTypes() {
			if isKind(e, kind) {
				return true
			}
		}
	case *types.Union:
		for term := range u.Terms() {
			if isKind(term.Type(), kind) {
				return true
			}
		}
	}
	return false
}

// floats is code in which a line says how many findings there are in it.
const floats = `package floats

import (
	"math"
	"math/rand/v2"
	"time"
)

type share float64

func get(x float64) float64 { return x }

var sink [4]float64

func bad[T ~int | ~float64](x, y, z float64, s share, f float32, rng *rand.Rand, g T) (r float64) {
	r = x*y + z // 1
	r = z - x*y // 1
	r = z + (x * y) // 1
	r = z - -(x * y) // 1
	r = x*x + y*y // 2
	r += x * y // 1
	r -= x * y // 1
	r *= x // 1
	t := x * y // 1
	r = t + z
	sink[0], sink[1] = x * y, 1 // 1
	r = get(x * y) // 1
	r = min(x * y, z) // 1
	r = math.Floor(x * y) + z // 1
	r = float64(x*y + z) // 1
	r = float64(f * f) + z // 1
	r = x * time.Second.Seconds() + z // 1
	s += s * 2 // 1
	f = f*f - 1 // 1
	g = g*g + g // 1
	_ = []float64{x * y} // 1
	_ = func() float64 { return x * y } // 1
	r = math.Log(x) + math.Exp(y) // 2
	r = math.Pow(x, y) // 1
	h := math.Sin // 1
	r = h(x) + math.Hypot(x, y) // 1
	r = rng.NormFloat64() + rand.ExpFloat64() // 2
	d := rng.ExpFloat64 // 1
	r = d()
	q := complex(x, y) // 1
	r = real(q * q) // 3
	return x * y // 1
}

func good(x, y, z float64, s share, f float32, rng *rand.Rand, n int) (r float64) {
	r = float64(x*y) + z
	r = z - -float64(x*y)
	r += float64((x * y))
	r = z + float64(-(x * y))
	t := float64(x * y)
	r = t + z
	s += share(s * 2)
	s += share(float64(2 * s / 3))
	f = float32(f*f) - 1
	r = float64(x*y*z) + x*y/z
	d := time.Duration(x*float64(time.Second)) + 2*time.Second
	n = n*n + int(x*y)
	if x*y > z || -(x * y) == z {
		r = float64(x * y)
	}
	const c = 2.5 * 3
	r = c*2 + 1 + d.Seconds()
	r = math.Sqrt(x) + math.Floor(y) + math.Abs(z) + math.Inf(1) + math.MaxFloat64 + math.Pi
	return r + rng.Float64() + float64(math.Ln2*x)
}
`

// TestInexactIsFound: the rule above finds what it is for, line by line, and nothing else.
func TestInexactIsFound(t *testing.T) {
	c := newTypeChecker(t, "sim/scenario")
	parsed, err := parser.ParseFile(c.fset, "floats.go", floats, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	f := sourceFile{path: "floats.go", ast: parsed, fset: c.fset}
	found := make(map[int]int)
	inexact(parsed, c.types(t, "floats", []sourceFile{f}), func(n ast.Node, what string) { found[c.fset.Position(n.Pos()).Line]++ })
	for i, line := range strings.Split(floats, "\n") {
		want := 0
		if _, mark, ok := strings.Cut(line, "// "); ok {
			want, _ = strconv.Atoi(mark)
		}
		if got := found[i+1]; got != want {
			t.Errorf("%q: found %d, want %d", line, got, want)
		}
	}
}
