package main

import (
	"math/rand/v2"

	"github.com/kithnet/kith/kad"
)

// mix says how many in a hundred nodes speak Node Discovery v4 alone, v5 alone, and both.
type mix [3]int

// allDual is the mix in which all nodes speak both.
var allDual = mix{0, 0, 100}

// spread returns what each of n nodes speaks, in an order drawn from rng.
func (m mix) spread(n int, rng *rand.Rand) []kad.Protocol {
	speaks := make([]kad.Protocol, n)
	for i := range speaks {
		switch share := i * 100 / n; {
		case share < m[0]:
			speaks[i] = kad.V4
		case share < m[0]+m[1]:
			speaks[i] = kad.V5
		default:
			speaks[i] = kad.V4 | kad.V5
		}
	}
	rng.Shuffle(n, func(i, j int) { speaks[i], speaks[j] = speaks[j], speaks[i] })
	return speaks
}

// countSpeakers returns how many nodes speak v4 alone, v5 alone, and both.
func countSpeakers(speaks []kad.Protocol) (n [3]int) {
	for _, p := range speaks {
		n[p-1]++
	}
	return n
}
