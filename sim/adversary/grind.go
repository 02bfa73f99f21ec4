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

// grind draws keys: of as many as fit into a victim's table the IDs fall into all of its
// buckets, as far as such are among those drawn, and those of the others anywhere, to be
// close to whatever it looks for.
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
	take := func(d, most int) {
		most = min(most, len(by[d]), n-len(keys))
		keys = append(keys, by[d][:most]...)
		by[d] = by[d][most:]
	}
	for d := nearest; d < len(by); d++ {
		take(d, kad.BucketSize)
	}
	for d := len(by) - 1; d >= nearest; d-- { // as if they were drawn one after the other
		take(d, (n-len(keys)+1)/2)
	}
	for d := len(by) - 1; d >= nearest; d-- {
		take(d, n)
	}
	// In any order, or the members at one address were all in every second bucket.
	rand.New(src).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return slices.Clip(keys), nil
}
