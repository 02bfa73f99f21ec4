package adversary

import (
	"math/rand/v2"
	"slices"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
	"github.com/kithnet/kith/sim"
)

// drawn is how many keys are drawn for each that is kept: enough for all but the
// nearest six of the victim's buckets, in half a second for a thousand IDs. Whoever has
// an hour fills those, too.
const drawn = 16

// grind draws keys whose IDs fall into all of a victim's buckets as evenly as they can:
// half of all IDs fall into the farthest, which the victim fills with others.
func grind(src *rand.PCG, victim enode.ID, n int) ([]*secp.PrivateKey, error) {
	const nearest = 257 - kad.NumBuckets
	var by [257][]*secp.PrivateKey
	for range drawn * n {
		key, err := sim.ReadKey(src)
		if err != nil {
			return nil, err
		}
		pub := key.Public()
		d := max(nearest, enode.LogDist(victim, enode.PubkeyID(&pub)))
		by[d] = append(by[d], key)
	}
	keys := make([]*secp.PrivateKey, 0, n)
	for len(keys) < n {
		for d := nearest; d < len(by) && len(keys) < n; d++ {
			if last := len(by[d]) - 1; last >= 0 {
				keys = append(keys, by[d][last])
				by[d] = by[d][:last]
			}
		}
	}
	// In any order, or the members at one address were all in every second bucket.
	rand.New(src).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return slices.Clip(keys), nil
}
