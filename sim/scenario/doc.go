// Package scenario runs networks that are described in files: how many nodes on which
// links, who comes and goes and when, what attacks them, what is measured, and what must
// come of it.
//
//	s, err := scenario.Load("bootstrap")
//	r, err := scenario.Run(ctx, s, scenario.Options{Seed: 7})
//	fmt.Println(r.Metric("accuracy"), r.Passed())
//
// Files are TOML (https://toml.io); docs/simulator.md says what may be in them, and
// [Shipped] lists those that come with the package.
//
// # What it promises
//
//   - The same file, seed, number of nodes and duration give the same run bit for bit,
//     whatever the number of workers: [Result.Hash].
//   - Decoding is strict: a key that means nothing, a number out of its bounds and an
//     expectation of something that is not measured are errors that name the line.
//   - What is measured changes nothing, lookups apart.
//
// # What it does not check
//
// Whether a network is like a real one: that depends on the file. Where the values of
// its presets are from is said beside them.
package scenario
