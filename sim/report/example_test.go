package report_test

import (
	"fmt"
	"strings"

	"github.com/kithnet/kith/sim/report"
)

// A page with one figure, as a string; os.Create makes a file of it.
func Example() {
	p := report.Page{
		Title: "A hundred nodes join",
		Lead:  "Tables are full after a minute.",
		Facts: []report.Fact{{Name: "lookups", Value: report.Seconds.Format(0.35), Note: "median"}},
		Sections: []report.Section{{
			Title: "Tables",
			Figures: []report.Figure{report.Lines{
				Title:  "Filled places of the median node",
				X:      report.Axis{Label: "time", Unit: report.Seconds},
				Y:      report.Axis{Label: "filled", Unit: report.Share, To: 1},
				Series: []report.Series{{Name: "loss 10 %", X: []float64{0, 30, 60}, Y: []float64{0, 0.7, 1}}},
				Marks:  []report.Mark{{X: 45, Label: "all have joined"}},
			}},
		}},
	}
	var page strings.Builder
	if err := p.Write(&page); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(page.String(), "<svg"), "picture")
	fmt.Println(strings.Contains(page.String(), "350 ms"))
	// Output:
	// 1 picture
	// true
}
