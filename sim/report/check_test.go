package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// render writes a page with these figures and checks all of it.
func render(t testing.TB, figures ...Figure) string {
	t.Helper()
	return checked(t, &Page{Title: "test", Sections: []Section{{Title: "section", Figures: figures}}})
}

// checked writes a page and checks that it is well-formed and that its pictures are
// whole.
func checked(t testing.TB, p *Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, err := range pageErrors(page) {
		t.Error(err)
	}
	return page
}

var foreign = regexp.MustCompile(`(?s)<(style|script)[ >].*?</(style|script)>`)

// pageErrors returns what is wrong with a page.
func pageErrors(page string) (errs []error) {
	body, ok := strings.CutPrefix(foreign.ReplaceAllString(page, ""), "<!DOCTYPE html>\n")
	if !ok {
		return []error{fmt.Errorf("the page starts with %.40q", page)}
	}
	var c checker
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return c.errs
		}
		if err != nil {
			return append(c.errs, err)
		}
		c.token(tok)
	}
}

// checker looks at the elements of a page.
type checker struct {
	errs   []error
	height float64 // of the picture that it is in; 0: none
	size   float64 // of the text that it is in
	anchor string
	x      float64
}

func (c *checker) token(tok xml.Token) {
	switch tok := tok.(type) {
	case xml.StartElement:
		c.start(tok)
	case xml.EndElement:
		if tok.Name.Local == "svg" {
			c.height = 0
		}
		c.size = 0
	case xml.CharData:
		if c.size > 0 {
			w := textWidth(string(tok), c.size)
			from := c.x - map[string]float64{"middle": w / 2, "end": w}[c.anchor]
			c.inside("text "+strconv.Quote(string(tok)), from, 0, width)
			c.inside("text "+strconv.Quote(string(tok)), from+w, 0, width)
		}
	}
}

func (c *checker) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) inside(what string, v, from, to float64) {
	if math.IsNaN(v) || v < from-0.11 || v > to+0.11 {
		c.fail("%s is at %v, outside of %v to %v", what, v, from, to)
	}
}

func (c *checker) start(e xml.StartElement) {
	at := make(map[string]string)
	for _, a := range e.Attr {
		at[a.Name.Local] = a.Value
		if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || a.Name.Local == "style" {
			c.fail("<%s> has %s=%q", e.Name.Local, a.Name.Local, a.Value)
		}
		if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") {
			c.fail("a link leads to %q", a.Value)
		}
	}
	name := e.Name.Local
	if name == "svg" {
		var w float64
		if n, _ := fmt.Sscanf(at["viewBox"], "0 0 %g %g", &w, &c.height); n != 2 || w != width || c.height <= 0 || c.height > 4000 {
			c.fail("viewBox %q", at["viewBox"])
		}
		if at["role"] != "img" || at["aria-label"] == "" {
			c.fail("a picture without a role and a name: %v", at)
		}
	}
	if c.height == 0 {
		if name == "script" || name == "img" || name == "iframe" || name == "link" {
			c.fail("<%s> in the page", name)
		}
		return
	}
	if !strings.Contains(" svg g line rect circle path text title ", " "+name+" ") {
		c.fail("<%s> in a picture", name)
	}
	c.shape(name, at)
}

// shape checks that one is inside of its picture.
func (c *checker) shape(name string, at map[string]string) {
	num := func(k string) float64 {
		v, err := strconv.ParseFloat(at[k], 64)
		if err != nil || strings.ContainsAny(at[k], "NIen") {
			c.fail("<%s> has %s=%q", name, k, at[k])
			return 0
		}
		return v
	}
	within := func(x, y float64) {
		c.inside(name+" x", x, 0, width)
		c.inside(name+" y", y, 0, c.height)
	}
	switch name {
	case "line":
		within(num("x1"), num("y1"))
		within(num("x2"), num("y2"))
	case "rect":
		within(num("x"), num("y"))
		within(num("x")+num("width"), num("y")+num("height"))
		if num("width") < 0 || num("height") < 0 {
			c.fail("a rect of negative size: %v", at)
		}
	case "circle":
		within(num("cx"), num("cy"))
	case "text":
		within(num("x"), num("y"))
		c.x, c.anchor, c.size = num("x"), at["text-anchor"], normal
		if strings.Contains("tick mark-name count", strings.Fields(at["class"])[0]) {
			c.size = small
		}
	case "path":
		c.path(at["d"])
	}
}

var pathPart = regexp.MustCompile(`([MLHVQZh])([^MLHVQZh]*)`)

// path checks the commands that this package uses.
func (c *checker) path(d string) {
	if rest := pathPart.ReplaceAllString(d, ""); rest != "" || d == "" {
		c.fail("path %.60q", d)
	}
	for _, m := range pathPart.FindAllStringSubmatch(d, -1) {
		fields := strings.Fields(m[2])
		for i, f := range fields {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil || strings.ContainsAny(f, "NIen") {
				c.fail("path has %q", f)
				continue
			}
			switch {
			case m[1] == "h":
			case m[1] == "H" || m[1] != "V" && i%2 == 0:
				c.inside("path x", v, 0, width)
			default:
				c.inside("path y", v, 0, c.height)
			}
		}
		if want := map[string]int{"M": 2, "L": 2, "H": 1, "V": 1, "h": 1, "Q": 4}[m[1]]; len(fields) != want {
			c.fail("path has %s with %d numbers", m[1], len(fields))
		}
	}
}

// TestChecker keeps the checks from passing everything.
func TestChecker(t *testing.T) {
	good := `<!DOCTYPE html>` + "\n" + `<p><svg role="img" aria-label="x" viewBox="0 0 720 90"><path d="M1 2L3 4h0"/></svg></p>`
	if errs := pageErrors(good); errs != nil {
		t.Fatal(errs)
	}
	for _, change := range [][2]string{
		{"M1 2", "M1 NaN"}, {"M1 2", "M1 91"}, {"M1 2", "M-1 2"}, {"M1 2", "M1 2 3"}, {"L3", "C3"}, {"</p>", ""},
		{"<path", "<image"}, {`role="img"`, ""}, {"<p>", `<p onclick="x">`}, {"<p>", `<p><a href="http://x.example">x</a>`},
		{"<path", `<rect x="1" y="1" width="-1" height="2"/><path`}, {"<path", `<text class="key" x="700" y="3">abcdefgh</text><path`},
	} {
		if bad := strings.Replace(good, change[0], change[1], 1); pageErrors(bad) == nil {
			t.Errorf("passed: %s", bad)
		}
	}
}
