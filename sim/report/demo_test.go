package report

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// demo is a page with a figure of each kind, of made-up numbers.
func demo() *Page {
	rng := rand.New(rand.NewPCG(1, 2))
	return &Page{
		Title: "Half of a network leaves, and tables recover",
		Lead: "A thousand nodes join over links that lose a tenth of all packets. After ten minutes half of them leave " +
			"without a word. The median table is filled again after two and a half minutes.\n\nNumbers on this page are made up.",
		Facts: []Fact{
			{"nodes", Number.Format(1000), "500 after 10 m"},
			{"loss", Share.Format(0.1), "each way, at random"},
			{"latency", "20 ms to 120 ms", "one way; each length as likely as another"},
			{"received", BytesPerSecond.Format(1284), "by the median node"},
			{"seed", "1", "hash 5b0c9e1f"},
		},
		Sections: []Section{
			{Title: "Tables", Text: "How full they are, and with whom.", Figures: []Figure{demoFill(rng), demoBuckets(rng, 1), demoBuckets(rng, 24)}},
			{Title: "Lookups", Text: "What they need.", Figures: []Figure{demoHops(rng), demoTimes(rng), demoHistogram(rng), demoRing(rng)}},
			{Title: "Traffic", Figures: []Figure{demoBytes(rng), Bars{
				Title: "Packets dropped, by reason", Caption: "Of all nodes, in 20 minutes.",
				Bars: []Bar{{"expired", 12845, "older than 20 s"}, {"unsolicited", 3120, ""}, {"too many for one address", 871, ""}, {"bad hash", 3, ""}},
			}}},
			{Title: "Scenario", Text: "What was run.", Pre: "nodes 1000\nlink latency=20ms jitter=100ms loss=10%\nat 10m leave 50%\nrun 20m\n", Table: &Table{
				Caption: "Three seeds",
				Header:  []string{"seed", "filled after", "hash", "median hops"},
				Rows:    [][]string{{"1", "2 m 30 s", "5b0c9e1f", "3"}, {"2", "2 m 24 s", "a917cc02", "3"}, {"3", "2 m 41 s", "00d1f4ab", "4"}},
			}},
		},
	}
}

func demoFill(rng *rand.Rand) Lines {
	l := Lines{
		Title: "Filled places of tables", Caption: "Median of all nodes that are up; the band has four fifths of them.",
		X: Axis{Label: "time", Unit: Seconds}, Y: Axis{Label: "filled share of the possible", Unit: Share, To: 1},
		Band:  "10th to 90th percentile",
		Marks: []Mark{{600, "half leave"}, {30, "all have joined"}, {752, "filled again"}},
	}
	for i, name := range []string{"loss 10 %", "no loss", "loss 30 %"} {
		s := Series{Name: name}
		for t := 0.0; t <= 1200; t += 0.5 {
			y := 1 - math.Exp(-t/(20+25*float64(i)))
			if t > 600 {
				y *= 1 - 0.5*math.Exp(-(t-600)/(60+30*float64(i)))
			}
			y = min(max(y+0.004*rng.NormFloat64(), 0), 1)
			s.X, s.Y = append(s.X, t), append(s.Y, y)
			if i == 0 {
				s.Low, s.High = append(s.Low, y*0.85), append(s.High, min(1, y*1.08))
			}
		}
		l.Series = append(l.Series, s)
	}
	return l
}

func demoHops(rng *rand.Rand) Lines {
	s := Series{Name: "mean of 200 lookups", Points: true, Fit: FitLog}
	for n := 64.0; n <= 1e5; n *= 1.5 {
		s.X, s.Y = append(s.X, math.Round(n)), append(s.Y, 0.21*math.Log2(n)+0.4+0.1*rng.NormFloat64())
	}
	return Lines{Title: "Hops by network size", X: Axis{Label: "nodes", Log: true}, Y: Axis{Label: "hops"}, Series: []Series{s}}
}

func demoTimes(rng *rand.Rand) Distribution {
	d := Distribution{Title: "How long lookups take", X: Axis{Label: "time until the lookup ended", Unit: Seconds, Log: true}}
	for i, name := range []string{"loss 10 %", "no loss"} {
		var v []float64
		for range 3000 {
			v = append(v, 0.4/float64(i+1)*math.Exp(0.6*rng.NormFloat64()))
		}
		if i == 0 {
			for range 60 {
				v = append(v, math.Inf(1))
			}
		}
		d.Sets = append(d.Sets, Samples{name, v})
	}
	return d
}

func demoHistogram(rng *rand.Rand) Distribution {
	d := Distribution{Title: "Hops", X: Axis{Label: "hops"}, Histogram: true}
	for i, name := range []string{"before half leave", "after"} {
		var v []float64
		for range 500 {
			v = append(v, math.Round(3+float64(i)+0.9*rng.NormFloat64()))
		}
		d.Sets = append(d.Sets, Samples{name, v})
	}
	return d
}

func demoBytes(rng *rand.Rand) Lines {
	l := Lines{Title: "Received, each node", X: Axis{Label: "time", Unit: Seconds}, Y: Axis{Label: "received", Unit: BytesPerSecond, Log: true}}
	for i := range 8 {
		s := Series{Name: "node " + strconv.Itoa(i)}
		for t := range 400 {
			s.X, s.Y = append(s.X, float64(3*t)), append(s.Y, 300*math.Exp(0.7*float64(i)+0.1*rng.NormFloat64()+2*math.Exp(-float64(t)/40)))
		}
		l.Series = append(l.Series, s)
	}
	return l
}

func demoBuckets(rng *rand.Rand, rows int) Buckets {
	b := Buckets{Title: "Buckets of " + strconv.Itoa(rows) + " nodes", Nearest: 240, Other: "dead"}
	for i := range rows {
		r := BucketRow{Name: "node " + strconv.Itoa(i)}
		for j := range 17 {
			n := min(16, max(0, int(math.Exp2(float64(j)-7+rng.NormFloat64()))))
			r.Entries, r.Other = append(r.Entries, n), append(r.Other, rng.IntN(n/3+1))
		}
		b.Rows = append(b.Rows, r)
	}
	return b
}

func randomID(rng *rand.Rand) (id [32]byte) {
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], rng.Uint64())
	}
	return id
}

// demoRing looks up among nodes that each know some of the network.
func demoRing(rng *rand.Rand) Ring {
	r := Ring{Title: "A lookup", Caption: "Each node told the closest it knew.", Target: randomID(rng), Self: randomID(rng)}
	for range 1000 {
		r.Nodes = append(r.Nodes, randomID(rng))
	}
	byDistance := func(a, b [32]byte) int {
		for i := range a {
			if x, y := a[i]^r.Target[i], b[i]^r.Target[i]; x != y {
				return int(x) - int(y)
			}
		}
		return 0
	}
	near := slices.Clone(r.Nodes)
	slices.SortFunc(near, byDistance)
	r.Closest = near[:16]
	seen := map[[32]byte]bool{}
	at, list := time.Duration(0), [][32]byte{near[400], near[700], near[900]}
	for i := range 24 {
		slices.SortFunc(list, byDistance)
		if len(list) == 0 {
			break
		}
		s := Step{ID: list[0], Depth: 1 + i/6, Returned: 16, Took: time.Duration(40+rng.IntN(90)) * time.Millisecond}
		list = list[1:]
		at += s.Took / 3
		s.At = at
		if i%7 == 5 {
			s.Failed, s.Returned = "timeout", 0
		} else {
			reach := max(16, 400>>i)
			for range 8 {
				if id := near[rng.IntN(reach)]; !seen[id] {
					seen[id] = true
					s.Heard = append(s.Heard, id)
					list = append(list, id)
				}
			}
			s.New = len(s.Heard)
		}
		r.Steps = append(r.Steps, s)
	}
	return r
}
