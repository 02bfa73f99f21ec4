package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	page := checked(t, demo())
	file := filepath.Join(t.TempDir(), "demo.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := demo().Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != page {
		t.Error("the same page gave other bytes the second time")
	}
	if n := strings.Count(page, "<svg"); n != 9 {
		t.Errorf("%d pictures, want 9", n)
	}
	if strings.Contains(page, "no data") {
		t.Error("a picture of the demo has no data")
	}
	for _, want := range []string{"2 m 30 s", "1.28 kB/s", "Figure 9.", "10th to 90th percentile", "half leave", "log₂ x (R² = 0.9"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func TestNothingIsLoaded(t *testing.T) {
	page := checked(t, demo())
	page = strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{"http:", "https:", "//cdn", "@import", "url(", "eval(", "innerHTML"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, "default-src &#39;none&#39;") {
		t.Error("no policy that lets nothing load")
	}
	// A browser hashes what is between the tags: ours must be the whole of it.
	for _, own := range []string{">" + pageCSS + "</style>", ">" + figureCSS + "</style>", "<script>" + pageJS + "</script>"} {
		if strings.Count(page, own) != 1 {
			t.Errorf("the page does not have %.30q once", own)
		}
	}
	for _, s := range []string{pageCSS, figureCSS, pageJS} {
		if strings.ContainsRune(s, '\r') || strings.Contains(s, "</") {
			t.Errorf("%.30q would end early, or hash differently", s)
		}
	}
}

// hostile are strings that must do nothing.
var hostile = []string{
	`</title><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='alert(1)`, "]]>&<!--",
	"nul\x00 bell\x07 bad\xff\xfe esc\x1b[31m", "\u202eevitatset\u2066", strings.Repeat("W", 5000), strings.Repeat("語", 3000),
	"line\nbreak\r\n\ttab", "&lt;already&gt;", "", " ", "\ufffe\uffff",
}

func hostilePage(s string) *Page {
	id := [32]byte{1}
	return &Page{Title: s, Lead: s, Facts: []Fact{{s, s, s}}, Sections: []Section{{
		Title: s, Text: s, Pre: s, Table: &Table{Caption: s, Header: []string{s, s}, Rows: [][]string{{s}, {s, s, s}}},
		Figures: []Figure{
			Lines{Title: s, Caption: s, X: Axis{Label: s}, Y: Axis{Label: s}, Band: s, Marks: []Mark{{1, s}, {2, s}},
				Series: []Series{{Name: s, X: []float64{1, 2}, Y: []float64{1, 2}, Low: []float64{0, 1}, High: []float64{2, 3}, Fit: FitX}, {Name: s}}},
			Distribution{Title: s, Caption: s, X: Axis{Label: s}, Sets: []Samples{{s, []float64{1, 2}}}},
			Distribution{Title: s, Caption: s, X: Axis{Label: s}, Sets: []Samples{{s, []float64{1, 2}}}, Histogram: true},
			Bars{Title: s, Caption: s, Bars: []Bar{{s, 1, s}, {s, -1, s}}},
			Ring{Title: s, Caption: s, Steps: []Step{{ID: id, Name: s, Failed: s}, {ID: id, Name: s}}},
			Buckets{Title: s, Caption: s, Kind: s, Other: s, Rows: []BucketRow{{s, []int{1, 2}, []int{1}}}},
		},
	}}}
}

func TestHostileText(t *testing.T) {
	for _, s := range hostile {
		page := checked(t, hostilePage(s))
		for _, bad := range []string{"<script>alert", "<img", "onload='", "\x00", "\x1b", "\u202e", "<!--"} {
			if strings.Contains(page, bad) {
				t.Errorf("%.30q: the page has %q", s, bad)
			}
		}
		if strings.Count(page, "<script>") != 1 {
			t.Errorf("%.30q: the page has not one script", s)
		}
		if len(page) > 300_000 {
			t.Errorf("%.30q made a page of %d bytes", s, len(page))
		}
	}
}

func TestEmptyPages(t *testing.T) {
	checked(t, &Page{})
	checked(t, &Page{Sections: []Section{{}, {Table: &Table{}}, {Figures: []Figure{nil, Lines{}, nil}}}})
}

// TestFiguresAreBounded makes everything larger than a page shows.
func TestFiguresAreBounded(t *testing.T) {
	const n = 5000
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = float64(i * i % 7919)
	}
	var many []Series
	var sets []Samples
	for range maxSeries + 1 {
		many = append(many, Series{Name: "series", X: numbers, Y: numbers, Low: numbers, High: numbers})
		sets = append(sets, Samples{"set", numbers})
	}
	ids := make([][32]byte, 5000)
	for i := range ids {
		ids[i] = [32]byte{byte(i), byte(i >> 8)}
	}
	steps := make([]Step, 1000)
	for i := range steps {
		steps[i] = Step{ID: ids[i], Heard: ids[:100]}
	}
	rows := make([]BucketRow, 1000)
	for i := range rows {
		rows[i] = BucketRow{"node", make([]int, 300), nil}
		for j := range rows[i].Entries {
			rows[i].Entries[j] = 1 + j
		}
	}
	table := &Table{Header: make([]string, 100)}
	for range 5000 {
		table.Rows = append(table.Rows, make([]string, 100))
	}
	for _, part := range []struct {
		name    string
		section Section
	}{
		{"lines", Section{Figures: []Figure{Lines{Series: many, Marks: make([]Mark, 1000)}}}},
		{"cumulative", Section{Figures: []Figure{Distribution{Sets: sets}}}},
		{"histogram", Section{Figures: []Figure{Distribution{Sets: sets, Histogram: true}}}},
		{"bars", Section{Figures: []Figure{Bars{Bars: make([]Bar, 1000)}}}},
		{"ring", Section{Figures: []Figure{Ring{Steps: steps, Nodes: ids, Closest: ids}}}},
		{"buckets", Section{Figures: []Figure{Buckets{Rows: rows}}}},
		{"table", Section{Table: table}},
		{"pre", Section{Pre: strings.Repeat("x", 1<<20)}},
	} {
		page := checked(t, &Page{Sections: []Section{part.section}})
		if len(page) > 500_000 {
			t.Errorf("%s: %d bytes", part.name, len(page))
		}
		if !strings.Contains(page, "The first") && !strings.Contains(page, "left out") {
			t.Errorf("%s: the page does not say that there is more", part.name)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestWriteFails(t *testing.T) {
	if err := demo().Write(failing{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Write: %v", err)
	}
}

func TestSteppedFigures(t *testing.T) {
	page := checked(t, demo())
	for _, want := range []string{`<figure id="figure-7" class="steps" data-steps="24">`, `<div class="controls" hidden=""`,
		`data-do="play"`, `<input type="range" min="0" max="24" value="24" aria-label="step"/>`, "<summary>All steps</summary>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if n := strings.Count(page, ` data-step="24"`); n != 2 {
		t.Errorf("%d parts of the last step, want one in the ring and one in the strip", n)
	}
}
