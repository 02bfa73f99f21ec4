// Package report makes of measurements one HTML page: facts, tables and figures.
//
//	p := report.Page{Title: "Half of 1000 nodes leave", Sections: []report.Section{{
//		Title: "Tables",
//		Figures: []report.Figure{report.Lines{
//			Title:  "Filled places, median node",
//			X:      report.Axis{Label: "time", Unit: report.Seconds},
//			Y:      report.Axis{Label: "filled", Unit: report.Share, To: 1},
//			Series: []report.Series{{Name: "loss 10 %", X: seconds, Y: filled}},
//			Marks:  []report.Mark{{X: 600, Label: "half leave"}},
//		}},
//	}}}
//	err := p.Write(w)
//
// It knows plain numbers, names and 32-byte IDs, and nothing of what measured them.
//
// # What it promises
//
//   - The page is whole: it loads nothing, and its policy lets no script run but its
//     own, which only steps through lookups and saves figures. It can be read, and
//     printed, without that.
//   - The same page gives the same bytes.
//   - No input breaks it. Text is escaped, and cut where it would not fit; numbers that
//     can't be drawn are left out, and the figure says how many. Methods are on values:
//     a nil *Lines as a [Figure] is the only thing to panic.
//   - A figure never has more than half a megabyte, and mostly a tenth of that, however
//     much was measured: long series are thinned so that each peak and trough remains,
//     and what is bounded says so at its field.
//
// # What it does not check
//
// Whether the numbers make sense: shares above 1 and times before the start are drawn.
// Nor does it average, smooth or leave out outliers.
package report

import "io"

// Page is a report. Write it with [Page.Write].
type Page struct {
	Title    string
	Lead     string // what was found, in a few sentences
	Facts    []Fact // the table at the top
	Sections []Section
}

// Fact is a row of the table at the top of a page.
type Fact struct {
	Name  string
	Value string // with its unit: [Unit.Format]
	Note  string // may be empty
}

// Section is a part of a page: its text, then its figures, its table and Pre.
type Section struct {
	Title   string
	Text    string // an empty line starts a new paragraph
	Figures []Figure
	Table   *Table
	Pre     string // shown as it is, up to 128 KiB: a scenario, a transcript
}

// Table has a header and rows. Columns of numbers are aligned to the right. Up to 12
// columns and 500 rows are shown.
type Table struct {
	Caption string
	Header  []string
	Rows    [][]string
}

// Figure is one of [Lines], [Distribution], [Bars], [Ring] and [Buckets]. Each has a
// Title, which the page numbers, and a Caption.
type Figure interface {
	draw() drawing
}

// drawing is a figure ready for the page.
type drawing struct {
	title   string
	caption string
	svg     *canvas
	note    string // what was left out
	below   string // HTML that follows the picture
	steps   int    // of a figure to step through; 0: none
}

// What a page shows at most: a thousand of anything is more than a reader looks at.
const (
	maxRows    = 500 // of a table
	maxColumns = 12
	maxPre     = 128 << 10 // bytes
	maxText    = 4000      // runes of a paragraph's source, a cell or a caption
	maxSeries  = 12        // six colours, each solid and dashed
	maxPoints  = 500       // of a series; a figure is 720 units wide
)

// Write writes the page, at once. Errors are w's.
func (p *Page) Write(w io.Writer) error {
	_, err := io.WriteString(w, p.html())
	return err
}
