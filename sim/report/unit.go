package report

import (
	"math"
	"strconv"
	"strings"
)

// Unit is what a number counts, and so how it is written.
type Unit uint8

const (
	Number         Unit = iota // 1,024; on axes 20 k
	Share                      // a share of 1, as 12.5 %
	Seconds                    // 350 ms; 2 m 30 s; 1 d 6 h
	Bytes                      // 1.28 kB; a kB has 1000 bytes
	BytesPerSecond             // 1.28 kB/s
)

// Limits of what is drawn. Beyond them a difference of two numbers may be infinite, or
// zero though they differ; nothing that is measured comes near.
const (
	largest  = 1e100
	smallest = 1e-100
)

// tame returns v as it can be computed with, and whether it is a number at all.
func tame(v float64) (float64, bool) {
	if math.IsNaN(v) || math.Abs(v) > largest {
		return 0, false
	}
	if math.Abs(v) < smallest {
		return 0, true
	}
	return v, true
}

// Format writes a value with its unit, to about three digits, as tooltips and legends
// have it. Without a value (NaN) it is a dash; an infinite time is never.
func (u Unit) Format(v float64) string {
	v, ok := keepInf(v)
	switch {
	case !ok:
		return "–"
	case v < 0:
		return "−" + u.Format(-v)
	case math.IsInf(v, 1) && u == Seconds:
		return "never"
	case math.IsInf(v, 1):
		return "∞"
	}
	switch u {
	case Share:
		s := digits(100*v, 3)
		for n := 4; n < 9 && s == "100" && v != 1; n++ {
			s = digits(100*v, n) // all but a few are not all
		}
		return s + " %"
	case Seconds:
		return duration(v)
	case Bytes:
		return prefixed(v, 3, "B")
	case BytesPerSecond:
		return prefixed(v, 3, "B/s")
	}
	if v < 1e15 && (v >= 1000 || v == math.Trunc(v)) {
		return commas(math.Round(v))
	}
	return digits(v, 3)
}

// keepInf is tame, but too much is infinite rather than nothing.
func keepInf(v float64) (float64, bool) {
	if !math.IsNaN(v) && math.Abs(v) > largest {
		return math.Inf(int(math.Copysign(1, v))), true
	}
	return tame(v)
}

// digits writes v ≥ 0 to n significant digits, without an exponent where that reads.
func digits(v float64, n int) string {
	if v == 0 {
		return "0"
	}
	if v < 1e-4 || v >= 1e15 {
		return strconv.FormatFloat(v, 'g', n, 64)
	}
	decimals := max(0, n-1-int(math.Floor(math.Log10(v))))
	return trimZeros(strconv.FormatFloat(v, 'f', decimals, 64))
}

func trimZeros(s string) string {
	if strings.ContainsRune(s, '.') {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// commas writes a whole number as 12,345.
func commas(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// prefixes are SI's, by powers of a thousand.
var prefixes = []string{"", "k", "M", "G", "T", "P", "E"}

func prefixed(v float64, n int, unit string) string {
	i := 0
	for v >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	if i == 0 && v >= 1 {
		n = 4 // 1.5 bytes on average is a number, too
	}
	return digits(v, n) + " " + prefixes[i] + unit
}

// duration writes seconds ≥ 0: in one unit below a minute, in up to two above it.
func duration(v float64) string {
	switch {
	case v == 0:
		return "0 s"
	case v < 0.9995e-6:
		return digits(v*1e9, 3) + " ns"
	case v < 0.9995e-3:
		return digits(v*1e6, 3) + " µs"
	case v < 0.9995:
		return digits(v*1e3, 3) + " ms"
	case v < 59.95:
		return digits(v, 3) + " s"
	case v < 3600-0.5:
		return parts(math.Round(v), 0)
	case v < 86400-30:
		return parts(60*math.Round(v/60), 0)
	case v < 1e8:
		return parts(3600*math.Round(v/3600), 0)
	}
	return digits(v/86400, 3) + " d"
}

// parts writes seconds as days, hours, minutes and seconds, without those that are 0.
func parts(v float64, decimals int) string {
	if v < 0 {
		return "−" + parts(-v, decimals)
	}
	var list []string
	for _, p := range []struct {
		seconds float64
		name    string
	}{{86400, " d"}, {3600, " h"}, {60, " m"}} {
		// The slack keeps 59.999999999 from being 59 and 60 seconds.
		if n := math.Floor((v + 1e-9*p.seconds) / p.seconds); n >= 1 {
			list = append(list, commas(n)+p.name)
			v = max(0, v-n*p.seconds)
		}
	}
	if s := strconv.FormatFloat(v, 'f', decimals, 64); len(list) == 0 || strings.Trim(s, "0.") != "" {
		list = append(list, s+" s")
	}
	return strings.Join(list, " ")
}
