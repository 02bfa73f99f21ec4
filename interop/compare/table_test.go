package main

import (
	"strings"
	"testing"
)

func TestRowsAreMediansAndRatios(t *testing.T) {
	for _, test := range []struct {
		row              row
		geth, kith, more string
	}{
		{row{Unit: microseconds, Samples: [sideCount][]float64{{300, 100, 200}, {50}}}, "200 µs", "50 µs", "4.0"},
		{row{Unit: milliseconds, Samples: [sideCount][]float64{{1, 2}, {3}}}, "1.50 ms", "3 ms", "0.5"},
		{row{Unit: percent, Samples: [sideCount][]float64{{48}, {96}}}, "48 %", "96 %", "2.0"},
		{row{Unit: count, Samples: [sideCount][]float64{{11}, {0}}}, "11", "0", "> 999"},
		{row{Unit: count, Samples: [sideCount][]float64{{0.002}, {0}}}, "0", "0", "> 999"},
		{row{Unit: count, Samples: [sideCount][]float64{{0}, {0}}}, "0", "0", "1"},
		{row{Unit: seconds, Samples: [sideCount][]float64{{22.25}, nil}}, "22.2 s", "–", "–"},
	} {
		r := &test.row
		if g, k, ratio := r.cell(geth), r.cell(kith), r.ratio(); g != test.geth || k != test.kith || ratio != test.more {
			t.Errorf("%+v: %q, %q, ratio %q; want %q, %q, %q", r, g, k, ratio, test.geth, test.kith, test.more)
		}
	}
}

func TestTableNamesBothSidesRemarks(t *testing.T) {
	var b strings.Builder
	r := row{Work: "a work", Samples: [sideCount][]float64{{1}, {2}}, Remarks: [sideCount]string{"this", "that"}}
	if err := printTable(&b, []row{r}); err != nil {
		t.Fatal(err)
	}
	if want := "| a work | 1 | 2 | 0.5 | geth: this; kith: that |\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("the table ends otherwise than in %q:\n%s", want, &b)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, bad := range [][]string{{"-flood", "20s"}, {"-reps", "0"}, {"-only", "("}, {"surplus"}, {"-mesh", "1"}, {"-hub", "5000"}, {"-join", "25"}} {
		if o, err := parseOptions(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, o)
		}
	}
	if _, err := parseOptions([]string{"-only", "flood", "-flood", "2s"}); err != nil {
		t.Error(err)
	}
}
