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
// It is a second driver of packages discv4, discv5, discmux and peering, beside discover and
// p2p: what is simulated is the code that ships. Hosts have discovery, by v4 unless
// [Node].Protocols says v5 or both, and with a [Server]
// connections, over which protocols of one's own run. Links lose, delay, double and
// reorder; hosts stand behind NATs and narrow lines, in regions, and come and go. An
// [Agent] acts on a host in place of Kith's code: package sim/adversary has some.
// Networks that are described in files, and what is measured of them, are package
// sim/scenario.
//
// # What it promises
//
//   - The same calls with the same seed give the same network bit for bit, with one
//     worker or several, and with packets that pass as values or as bytes: [World.Hash]
//     says so.
//   - Each host draws from generators of its own, one for its protocol and one for its
//     links: what one does changes nothing that another draws.
//   - A run checks the rules that must always hold ([World.Check], [World.Probe],
//     [World.Settle]), and ends with a [*Broken] that says which host broke which.
//
// # What it does not check
//
// Cryptography, unless packets pass as bytes: a packet that passes as a value is taken
// to be signed by its sender, a message of v5 can be read by who has the keys that it was
// sealed under, and the handshakes of a stream are a delay. Time that a
// node needs to work is not simulated otherwise: only links take time. Streams are not
// TCP: what is lost arrives later, and there is no window.
package sim
