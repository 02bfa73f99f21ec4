// Package sim runs a whole network in one process: the shipped protocol machines of
// any number of nodes, in virtual time, over an in-memory network, from one seed.
//
//	w := sim.New(sim.Config{Seed: 1, Link: sim.Link{Latency: 20 * time.Millisecond}})
//	boot, err := w.Add(sim.Node{})
//	for range 999 {
//		_, err = w.Add(sim.Node{Bootnodes: []*sim.Host{boot}})
//	}
//	err = w.Run(time.Minute)
//	fmt.Println(w.Filled(), w.Hash())
//
// It is at its beginning: discovery v4 runs, on links that lose, delay and part.
//
// It is a second driver of package discv4, beside package discover: what is simulated
// is the code that ships.
//
// # What it promises
//
//   - The same calls with the same seed give the same network bit for bit, with one
//     worker or several, and with packets that pass as values or as bytes: [World.Hash]
//     says so.
//   - Each host draws from generators of its own, one for its protocol and one for its
//     links: what one does changes nothing that another draws.
//   - A run checks the rules that must always hold ([World.Check]), and says which host
//     broke which.
//
// # What it does not check
//
// Cryptography, unless packets pass as bytes: a packet that passes as a value is taken
// to be signed by its sender. Time that a node needs to work is not simulated: only
// links take time.
package sim
