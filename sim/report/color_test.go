package report

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

type rgb [3]float64 // linear light, 0 to 1

// sees are what eyes make of colours: all cones, and without the long, the middle and
// the short ones (Machado, Oliveira and Fernandes, 2009, table 1).
var sees = [][3]rgb{
	{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

func (c rgb) seen(by [3]rgb) (o rgb) {
	for i, row := range by {
		o[i] = min(max(row[0]*c[0]+row[1]*c[1]+row[2]*c[2], 0), 1)
	}
	return o
}

// fromScreen is the light of a value of sRGB, in which browsers mix colours.
func fromScreen(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// screen is the colour in sRGB.
func (c rgb) screen() (o rgb) {
	for i, v := range c {
		if o[i] = 12.92 * v; v > 0.0031308 {
			o[i] = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
	}
	return o
}

func (c rgb) luminance() float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

// lab is CIE L*a*b*, in which distances are about as large as they look.
func (c rgb) lab() rgb {
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	x := f((0.4124*c[0] + 0.3576*c[1] + 0.1805*c[2]) / 0.9505)
	y := f(c.luminance())
	z := f((0.0193*c[0] + 0.1192*c[1] + 0.9505*c[2]) / 1.089)
	return rgb{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

var variable = regexp.MustCompile(`--(\w+):#(\w{6})`)

// palette reads the colours of a style.
func palette(t *testing.T, css string) map[string]rgb {
	t.Helper()
	colors := make(map[string]rgb)
	for _, m := range variable.FindAllStringSubmatch(css, -1) {
		v, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		var c rgb
		for i := range c {
			c[i] = fromScreen(float64(v>>(16-8*i)&255) / 255)
		}
		if _, twice := colors[m[1]]; twice {
			break // those for print follow
		}
		colors[m[1]] = c
	}
	return colors
}

// TestColors wants lines that stand out from the paper (WCAG 2.2, 1.4.11: contrast of
// 3), text that can be read (1.4.3: 4.5), and colours that differ for every kind of
// eye: 20 is some ten times what is just noticed.
func TestColors(t *testing.T) {
	for name, css := range map[string]string{"light": figureCSS, "dark": pageCSS} {
		colors := palette(t, css)
		contrast := func(a string) float64 {
			x, y := colors[a].luminance()+0.05, colors["paper"].luminance()+0.05
			return max(x, y) / min(x, y)
		}
		for _, text := range []string{"ink", "soft"} {
			if got := contrast(text); got < 4.5 {
				t.Errorf("%s: text in %s has a contrast of %.2f", name, text, got)
			}
		}
		for i := range 6 {
			a := "c" + strconv.Itoa(i)
			if got := contrast(a); got < 3 {
				t.Errorf("%s: %s has a contrast of %.2f", name, a, got)
			}
			for j := range i {
				b := "c" + strconv.Itoa(j)
				for kind, by := range sees {
					p, q := colors[a].seen(by).lab(), colors[b].seen(by).lab()
					if d := math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2]); d < 20 {
						t.Errorf("%s: %s and %s differ by %.1f for eyes of kind %d", name, a, b, d, kind)
					}
				}
			}
		}
	}
}

// TestCounts wants numbers in cells of buckets that can be read, on light paper and on
// dark: 3.5 is what the middle shades allow, which are far from both.
func TestCounts(t *testing.T) {
	for name, css := range map[string]string{"light": figureCSS, "dark": pageCSS} {
		colors := palette(t, css)
		fill, plate := colors["c0"].screen(), colors["plate"].screen()
		for n := range 17 {
			share := float64(n) / 16
			var cell rgb
			for i := range cell {
				cell[i] = fromScreen(shadeOf(share)*fill[i] + (1-shadeOf(share))*plate[i])
			}
			class := countClass(share)
			text := map[string]rgb{"count": colors["ink"], "count mid": {fromScreen(0x15 / 255.0), fromScreen(0x17 / 255.0), fromScreen(0x1a / 255.0)},
				"count on": colors["paper"]}[class]
			x, y := text.luminance()+0.05, cell.luminance()+0.05
			if got := max(x, y) / min(x, y); got < 3.5 {
				t.Errorf("%s: %d of 16 in %q has a contrast of %.2f", name, n, class, got)
			}
		}
	}
}
