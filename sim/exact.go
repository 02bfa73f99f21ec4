package sim

import (
	"math"
	"math/rand/v2"
)

// What is drawn decides what happens, and has to be the same on every machine, to the
// last bit. Go's own Log, Exp and Pow are not: some processors have their own, and the
// compiler may add a product without rounding it where the processor can. A sum, a
// difference, a product, a quotient and a square root are the same everywhere, as long
// as a product is converted, which rounds it: package tidy checks that each is.

// ln returns the natural logarithm of a positive number, to some 15 digits.
func ln(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = float64(2*m), e-1
	}
	// m is within 1/√2 and √2: ln m = 2 artanh s, a series of odd powers.
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = float64(sum*z) + 1/float64(n)
	}
	return float64(float64(e)*math.Ln2) + float64(2*s*sum)
}

// exp returns e to the x, to some 15 digits.
func exp(x float64) float64 {
	switch {
	case x > 709:
		return math.Inf(1)
	case x < -744:
		return 0
	}
	n := math.Floor(x/math.Ln2 + 0.5)
	// The first bits of ln 2, whose product with n is exact, and the rest.
	const high, low = 0x1.62e42feep-1, math.Ln2 - 0x1.62e42feep-1
	r := float64(x-float64(n*high)) - float64(n*low)
	sum := 1.0
	for k := 16.0; k >= 1; k-- {
		sum = 1 + float64(sum*r)/k
	}
	return math.Ldexp(sum, int(n))
}

// pow returns x to the y, x positive.
func pow(x, y float64) float64 { return exp(float64(y * ln(x))) }

// exponential draws from the exponential distribution with mean 1.
func exponential(rng *rand.Rand) float64 { return -ln(1 - rng.Float64()) }

// normal draws from the normal distribution with mean 0 and deviation 1, by Marsaglia's
// polar method.
func normal(rng *rand.Rand) float64 {
	for {
		u, v := float64(2*rng.Float64())-1, float64(2*rng.Float64())-1
		if s := float64(u*u) + float64(v*v); s > 0 && s < 1 {
			return float64(u * math.Sqrt(-2*ln(s)/s))
		}
	}
}
