package scenario

import (
	"testing"
	"time"
)

// TestSameEverywhere: small runs have the hashes that they had on other machines. Whoever
// changes what nodes do, or what is drawn for them, changes these: the test says to what.
// If nobody did, something depends on the machine (see sim/exact.go).
func TestSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		name     string
		nodes    int
		duration time.Duration
		hash     uint64
	}{
		{"lossy-churn", 60, 2 * time.Minute, 0xdb0751809e838d77},
		{"harsh-churn", 40, time.Minute, 0xfc6bfc3f1425b7fc},
		{"nat-70", 40, time.Minute, 0x8caf354e8195dc5b},
		{"shared-networks", 60, 30 * time.Second, 0xf23bf76c36c8cc39},
		{"home-lines", 40, 30 * time.Second, 0xaa2a4eaa0fb38869},
		{"peers-churn", 40, time.Minute, 0x90c9584bc687cc60},
		{"mixed-ten-thousand", 50, time.Minute, 0xac1a22e8fa3815ca},
		{"real-wire-mixed", 20, 10 * time.Second, 0x903deec5a466ce8c},
		{"churn-mix", 40, time.Minute, 0x810c198285b8bd71},
		{"eclipse-v5", 40, time.Minute, 0x47f627d902a764cf},
	} {
		if testing.Short() && c.name == "real-wire-mixed" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s, err := Load(c.name)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, s, Options{Nodes: c.nodes, Duration: c.duration})
			if r.Hash != c.hash {
				t.Errorf("the hash is %#x, not %#x", r.Hash, c.hash)
			}
		})
	}
}
