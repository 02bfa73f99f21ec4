package main

import (
	"fmt"
	"slices"
)

// A work is something both sides do.
type work struct {
	name string
	do   func(options, []side) ([]row, error)
}

// allWork returns what there is to do, in order.
func allWork() []work {
	all := v4.work(work{"parse", compareParsing})
	all = append(all, v5.work(work{"v5 codec", compareCodecs}, work{"v5 meet", v5.compareMeeting})...)
	return append(all, work{"transport", compareTransport},
		work{"mesh", compareMeshes}, work{"hub", compareHubs}, work{"join", compareJoining})
}

// work returns what is measured of nodes that speak a protocol, and more of it.
func (v *protocol) work(more ...work) []work {
	all := append([]work{{v.prefix + "answer", v.compareAnswers}}, more...)
	for _, c := range v.floods {
		all = append(all, c.work(v))
	}
	return append(all, work{v.prefix + "fill", v.compareFilling}, work{v.prefix + "network", v.compareNetworks})
}

// takeTurns has each side do something, one after the other, so many times.
func takeTurns(reps int, sides []side, do func(side) error) error {
	for range reps {
		for _, s := range sides {
			if err := do(s); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return nil
}

// A row is one line of the table: one quantity, measured on each side.
type row struct {
	Work    string
	Unit    unit
	Samples [sideCount][]float64 // by side, in Unit; empty: not measured
	Remarks [sideCount]string    // by side, of what else was seen
}

func (r *row) add(s side, value float64) {
	r.Samples[s.index] = append(r.Samples[s.index], value)
}

// value returns the median of a side's samples.
func (r *row) value(side int) (median float64, ok bool) {
	return medianOf(r.Samples[side])
}

func medianOf(samples []float64) (median float64, ok bool) {
	if len(samples) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(samples))
	mid := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[mid-1] + sorted[mid]) / 2, true
	}
	return sorted[mid], true
}
