package report

// point is a value of a series. A gap before it says that values in between can't be
// drawn: no line leads to it.
type point struct {
	x, y float64
	gap  bool
}

// tamed pairs x and y as far as both go, without what the axes can't show, and counts
// that.
func tamed(ax, ay *Axis, xs, ys []float64) (points []point, dropped int) {
	gap := false
	for i := range min(len(xs), len(ys)) {
		x, okX := ax.usable(xs[i])
		y, okY := ay.usable(ys[i])
		if !okX || !okY {
			gap = true
			dropped++
			continue
		}
		points = append(points, point{x, y, gap})
		gap = false
	}
	return points, dropped
}

// thin returns at most most points (8 at least) of those: of each stretch the first,
// the last, the least and the greatest, so that no peak is lost. It changes none.
func thin(points []point, most int) []point {
	if len(points) <= most {
		return points
	}
	stretches := max(2, most/4)
	kept := make([]point, 0, 4*stretches)
	next := 0 // the first that was not looked at yet
	keep := func(i int) {
		p := points[i]
		for ; next <= i; next++ {
			p.gap = p.gap || points[next].gap
		}
		kept = append(kept, p)
	}
	for s := range stretches {
		from, to := s*len(points)/stretches, (s+1)*len(points)/stretches
		low, high := from, from
		for i := from; i < to; i++ {
			if points[i].y < points[low].y {
				low = i
			}
			if points[i].y > points[high].y {
				high = i
			}
		}
		last := -1
		for _, i := range [4]int{from, min(low, high), max(low, high), to - 1} {
			if i != last {
				keep(i)
				last = i
			}
		}
	}
	return kept
}

// spaced returns at most most of the items, evenly, the first and the last included.
func spaced[T any](items []T, most int) []T {
	if len(items) <= most || most < 2 {
		return items[:min(len(items), max(most, 0))]
	}
	kept := make([]T, 0, most)
	for i := range most {
		kept = append(kept, items[i*(len(items)-1)/(most-1)])
	}
	return kept
}
