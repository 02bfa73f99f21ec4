package report

import (
	"math"
	"testing"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{Number, 0, "0"}, {Number, 3, "3"}, {Number, 1024, "1,024"}, {Number, 1234567, "1,234,567"}, {Number, 2.345, "2.35"},
		{Number, -12.5, "−12.5"}, {Number, 0.00002, "2e-05"}, {Number, 1e20, "1e+20"}, {Number, nan, "–"}, {Number, inf, "∞"}, {Number, -inf, "−∞"},
		{Number, 999.96, "1000"}, {Number, 1e-200, "0"},
		{Share, 0.125, "12.5 %"}, {Share, 1, "100 %"}, {Share, 0.9996, "99.96 %"}, {Share, 0, "0 %"}, {Share, 1.5, "150 %"},
		{Seconds, 0, "0 s"}, {Seconds, 2e-9, "2 ns"}, {Seconds, 0.00035, "350 µs"}, {Seconds, 0.35, "350 ms"}, {Seconds, 0.9999, "1 s"},
		{Seconds, 12.34, "12.3 s"}, {Seconds, 59.96, "1 m"}, {Seconds, 150, "2 m 30 s"}, {Seconds, 3599.7, "1 h"}, {Seconds, 5400, "1 h 30 m"},
		{Seconds, 86399, "1 d"}, {Seconds, 108000, "1 d 6 h"}, {Seconds, 8.64e8, "10000 d"}, {Seconds, inf, "never"}, {Seconds, -150, "−2 m 30 s"},
		{Bytes, 0, "0 B"}, {Bytes, 512, "512 B"}, {Bytes, 1.5, "1.5 B"}, {Bytes, 1280, "1.28 kB"}, {Bytes, 999999, "1 MB"}, {Bytes, 5e21, "5000 EB"},
		{BytesPerSecond, 1284, "1.28 kB/s"},
	} {
		if got := c.unit.Format(c.v); got != c.want {
			t.Errorf("Format(%v) of unit %d = %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func labels(s scale) (list []string) {
	for _, t := range s.ticks() {
		list = append(list, t.label)
	}
	return list
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		axis   Axis
		lo, hi float64
		want   string
	}{
		{Axis{}, 0, 10, "[0 2 4 6 8 10]"},
		{Axis{}, -1, 1, "[−1.0 −0.5 0 0.5 1.0]"},
		{Axis{}, 0, 20000, "[0 5 k 10 k 15 k 20 k]"},
		{Axis{}, 1e6, 1e6 + 10, "[1,000,000 1,000,002 1,000,004 1,000,006 1,000,008 1,000,010]"},
		{Axis{}, 0, 2.5e6, "[0 0.5 M 1.0 M 1.5 M 2.0 M 2.5 M]"},
		{Axis{Unit: Share}, 0, 1, "[0 % 20 % 40 % 60 % 80 % 100 %]"},
		{Axis{Unit: Share}, 0, 0.004, "[0 % 0.1 % 0.2 % 0.3 % 0.4 %]"},
		{Axis{Unit: Seconds}, 0, 1200, "[0 s 5 m 10 m 15 m 20 m]"},
		{Axis{Unit: Seconds}, 0, 150, "[0 s 30 s 1 m 1 m 30 s 2 m 2 m 30 s]"},
		{Axis{Unit: Seconds}, 0, 0.1, "[0 s 20 ms 40 ms 60 ms 80 ms 100 ms]"},
		{Axis{Unit: Seconds}, 0, 8, "[0 s 2 s 4 s 6 s 8 s]"},
		{Axis{Unit: Seconds}, 0, 86400, "[0 s 6 h 12 h 18 h 1 d]"},
		{Axis{Unit: Seconds}, 0, 86400 * 50, "[0 s 10 d 20 d 30 d 40 d 50 d]"},
		{Axis{Unit: Bytes}, 0, 4000, "[0 B 1 kB 2 kB 3 kB 4 kB]"},
		{Axis{Log: true}, 10, 1e5, "[10 100 1000 10 k 100 k]"},
		{Axis{Log: true}, 1, 1e30, "[1 1 M 1 T 1e+18 1e+24 1e+30]"},
		{Axis{Log: true}, 8, 11, "[8 9 10 11]"},
		{Axis{Log: true, Unit: Seconds}, 0.09, 1000, "[100 ms 1 s 10 s 1 m 10 m]"},
		{Axis{Log: true, Unit: Seconds}, 50, 900, "[1 m 2 m 5 m 10 m]"},
		{Axis{Log: true, Unit: Seconds}, 0.9, 130, "[1 s 2 s 5 s 10 s 20 s 30 s 1 m 2 m]"},
		{Axis{Log: true, Unit: Seconds}, 590, 8000, "[10 m 20 m 30 m 1 h 2 h]"},
		{Axis{Log: true, Unit: Bytes}, 100, 1e7, "[100 B 1 kB 10 kB 100 kB 1 MB 10 MB]"},
	} {
		s := scale{axis: c.axis, lo: c.lo, hi: c.hi, from: 0, to: 480}
		if got := "[" + join(labels(s)) + "]"; got != c.want {
			t.Errorf("%+v from %v to %v: %s, want %s", c.axis, c.lo, c.hi, got, c.want)
		}
	}
}

func join(list []string) (s string) {
	for i, v := range list {
		if i > 0 {
			s += " "
		}
		s += v
	}
	return s
}

func TestScale(t *testing.T) {
	s := newScale(Axis{}, extent{3, 97, true}, 100, 200, true)
	if s.lo != 0 || s.hi != 100 || s.at(0) != 100 || s.at(50) != 150 || s.at(1e9) != 200 || s.at(-5) != 100 {
		t.Errorf("linear: %+v", s)
	}
	s = newScale(Axis{}, extent{3, 97, true}, 100, 200, false)
	if s.lo != 3 || s.hi != 97 {
		t.Errorf("without room: %+v", s)
	}
	s = newScale(Axis{Log: true}, extent{1, 100, true}, 0, 200, false)
	if math.Abs(s.at(10)-100) > 1e-9 || math.Abs(s.value(0.5)-10) > 1e-9 {
		t.Errorf("log: %+v", s)
	}
	s = newScale(Axis{From: 0, To: 1}, extent{0.2, 0.3, true}, 0, 1, true)
	if s.lo != 0 || s.hi != 1 {
		t.Errorf("From and To: %+v", s)
	}
}
