package report

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzNumbers draws any numbers: pictures must be well-formed, and all of them inside.
func FuzzNumbers(f *testing.F) {
	for _, list := range odd {
		var b []byte
		for _, v := range list {
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, byte(0), 0.0, 1.0)
		f.Add(b, byte(0xff), 1.0, 3600.0)
	}
	f.Fuzz(func(t *testing.T, data []byte, flags byte, from, to float64) {
		var v []float64
		for ; len(data) >= 8 && len(v) < 2000; data = data[8:] {
			v = append(v, math.Float64frombits(binary.BigEndian.Uint64(data)))
		}
		half := len(v) / 2
		axis := func(bit byte) Axis {
			return Axis{Label: "x", Log: flags&bit != 0, Unit: Unit(flags>>2) % (BytesPerSecond + 1), From: from, To: to}
		}
		x, y := axis(1), axis(2)
		checkDrawing(t, Lines{X: x, Y: y, Marks: []Mark{{from, "from"}, {to, "to"}}, Series: []Series{
			{Name: "a", X: v[:half], Y: v[half:], Low: v, High: v[half:]},
			{Name: "b", X: v[half:], Y: v, Points: true, Fit: Fit(flags>>6) % 3},
		}}.draw(), v)
		sets := []Samples{{"a", v[:half]}, {"b", v}}
		checkDrawing(t, Distribution{X: x, Sets: sets}.draw(), v)
		checkDrawing(t, Distribution{X: x, Sets: sets, Histogram: true}.draw(), v)
		checkDrawing(t, Bars{Unit: x.Unit, Bars: []Bar{{"from", from, ""}, {"to", to, ""}}}.draw(), v)
	})
}

// FuzzText puts any text wherever text goes.
func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checked(t, hostilePage(s))
	})
}
