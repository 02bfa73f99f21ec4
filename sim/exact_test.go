package sim

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExact: logarithms, exponentials and powers are what package math says, nearly.
func TestExact(t *testing.T) {
	near := func(what string, x, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 4e-15*max(1, math.Abs(want)) {
			t.Fatalf("%s of %v is %v, not %v", what, x, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(5, 9))
	for range 100_000 {
		x := math.Ldexp(1+rng.Float64(), rng.IntN(120)-60)
		near("the logarithm", x, ln(x), math.Log(x))
		y := 60 * (rng.Float64() - 0.5)
		near("the exponential", y, exp(y)/math.Exp(y), 1)
	}
	for _, x := range []float64{1, math.Nextafter(1, 0), math.Nextafter(1, 2), 0x1p-53, 1e300} {
		near("the logarithm", x, ln(x), math.Log(x))
	}
	if exp(0) != 1 || exp(-1e9) != 0 || !math.IsInf(exp(1e9), 1) || exp(700) <= 1e304 || exp(-740) <= 0 {
		t.Error(exp(0), exp(-1e9), exp(1e9), exp(700), exp(-740))
	}
	near("the logarithm", math.SmallestNonzeroFloat64, ln(math.SmallestNonzeroFloat64), -1074*math.Ln2)
	near("the power", 10, pow(10, -2./3), math.Pow(10, -2./3))
}

// TestDistributions: draws have the means and deviations that they should.
func TestDistributions(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 11))
	for _, c := range []struct {
		name            string
		draw            func(*rand.Rand) float64
		mean, deviation float64
	}{{"exponential", exponential, 1, 1}, {"normal", normal, 0, 1}} {
		const n = 200_000
		sum, squares := 0.0, 0.0
		for range n {
			x := c.draw(rng)
			sum += x
			squares += x * x
		}
		mean := sum / n
		deviation := math.Sqrt(squares/n - mean*mean)
		if math.Abs(mean-c.mean) > 0.01 || math.Abs(deviation-c.deviation) > 0.01 {
			t.Errorf("%s: mean %.4f, deviation %.4f", c.name, mean, deviation)
		}
	}
}
