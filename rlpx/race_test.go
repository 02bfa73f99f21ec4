//go:build race

package rlpx

// Under the race detector a sync.Pool forgets at random.
const raceEnabled = true
