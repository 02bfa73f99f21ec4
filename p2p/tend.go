package p2p

import (
	"maps"
	"runtime"
	"slices"
	"time"
)

// tendEvery is how often the Server looks after its peers, all at once: a timer of its
// own takes a peer a fifth of a KiB. It is how late a Ping may be, and half of the time
// that a silent connection still has its ciphers at hand.
const tendEvery = 2 * time.Second

// tendPeers has the peers looked after while there are any. The caller holds the lock.
func (s *Server) tendPeers() {
	if !s.tending && len(s.peers) > 0 {
		s.tending = true
		time.AfterFunc(tendEvery, s.tend)
	}
}

// tend looks after the peers, once.
func (s *Server) tend() {
	s.mu.Lock()
	peers := slices.Collect(maps.Values(s.peers))
	s.mu.Unlock()
	for _, p := range peers {
		p.tend(s.nanos())
		runtime.Gosched() // the Pings leave one by one: hundreds of goroutines at once would need as many stacks
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tending = false
	s.tendPeers()
}
