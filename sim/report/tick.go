package report

import (
	"math"
	"strconv"
	"strings"
)

// tickLabel writes a tick to as many digits as tell it from the next one, all ticks of
// an axis in one unit.
func tickLabel(v, step, top float64, u Unit) string {
	if v < 0 {
		return "−" + tickLabel(-v, step, top, u)
	}
	switch u {
	case Share:
		if v == 0 {
			return "0 %"
		}
		return plain(100*v, 100*step) + " %"
	case Seconds:
		return timeLabel(v, step, top)
	}
	unit := map[Unit]string{Bytes: "B", BytesPerSecond: "B/s"}[u]
	if v == 0 {
		return strings.TrimSpace("0 " + unit)
	}
	least, most := 1e3, 1e21
	if unit == "" {
		least, most = 1e4, 1e15 // four digits are read as they are; exa is for bytes
	}
	i := 0
	for t := min(top, 100*step); t >= least && top < most; t /= 1000 {
		i, least = i+1, 1e3
	}
	by := math.Pow(1000, float64(i))
	s := plain(v/by, step/by)
	return strings.TrimSpace(s + " " + prefixes[i] + unit)
}

// timeLabel writes seconds in the largest unit of which the axis has one.
func timeLabel(v, step, top float64) string {
	switch {
	case v == 0:
		return "0 s"
	case top < 1e-6:
		return plain(v*1e9, step*1e9) + " ns"
	case top < 1e-3:
		return plain(v*1e6, step*1e6) + " µs"
	case top < 1:
		return plain(v*1e3, step*1e3) + " ms"
	case top < 60:
		return plain(v, step) + " s"
	case v > 1e9 && step >= 86400:
		return plain(v/86400, step/86400) + " d"
	}
	return parts(v, decimals(step))
}

// decimals is how many digits after the point tell multiples of step apart.
func decimals(step float64) int {
	return min(max(0, int(math.Ceil(-math.Log10(step)-1e-9))), 12)
}

// plain writes v ≥ 0 for ticks that are step apart.
func plain(v, step float64) string {
	if v >= 1e15 || step < 1e-6 {
		return strconv.FormatFloat(v, 'g', min(17, 1+max(0, int(math.Log10(max(v, step)/step)+1e-9))), 64)
	}
	s := strconv.FormatFloat(v, 'f', decimals(step), 64)
	if decimals(step) == 0 && v >= 1e4 {
		return commas(v)
	}
	return s
}
