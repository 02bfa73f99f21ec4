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
		{"lossy-churn", 60, 2 * time.Minute, 0xe6a715d467bdf6ae},
		{"harsh-churn", 40, time.Minute, 0x55f427c261622ce4},
		{"nat-70", 40, time.Minute, 0x16b1b3a4b1348b83},
		{"shared-networks", 60, 30 * time.Second, 0x007ac7c6f57f1fd2},
		{"home-lines", 40, 30 * time.Second, 0x29d12effe0e655ce},
		{"peers-churn", 40, time.Minute, 0x41af72657e45dda6},
		{"mixed-ten-thousand", 50, time.Minute, 0x5439c93b9efbbfe8},
		{"real-wire-mixed", 20, 10 * time.Second, 0xc877d344047eefbb},
		{"churn-mix", 40, time.Minute, 0x2d8c8544b1f36df9},
		{"eclipse-v5", 40, time.Minute, 0xd9256b1b735c7362},
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
