package control

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What the Servers' only protocol is called, and how many message codes it has.
const (
	Protocol = "bench"
	Version  = 1
	Length   = 1
)

// defaultPeers is how many peers go-ethereum's node has room for by default, and
// Kith's Server.
const defaultPeers = 50

// peersPoll is how often a waiting OpPeers looks, which costs an atomic read a Server.
const peersPoll = 5 * time.Millisecond

// ServerConfig is what StartServer is told of a Server on a free port of 127.0.0.1.
type ServerConfig struct {
	MaxPeers  int
	DialRatio int      // 0: the default
	Discovery bool     // version 4
	Bootnodes []string // enode URLs
	// Peers is to be raised when the protocol begins with a peer, and lowered when
	// it ends. Nothing is sent meanwhile.
	Peers *atomic.Int64
}

// A Server is one running Server.
type Server interface {
	// URL is its enode:// form with its loopback endpoint.
	URL() string
	// AddPeer has it connect to the node with this enode URL.
	AddPeer(url string) error
	Close()
}

// server is a Server with the number of its peers: of those with whom the protocol
// runs, so that a connection stands when both ends have counted it.
type server struct {
	Server
	peers atomic.Int64
}

// Joined says when Servers had so many peers for the first time.
type Joined struct {
	Median, Slowest time.Duration // since the first Server started
	CPU             time.Duration // that the process had used when half of them had
	Missing         int           // Servers that had not by then; both times are the limit for them
}

// startServers starts count Servers.
func (w *network) startServers(count, places int, discovery bool) (err error) {
	if len(w.servers) > 0 {
		return errors.New("control: there are Servers already")
	}
	cfg := ServerConfig{MaxPeers: defaultPeers, Discovery: discovery}
	if places > 0 {
		cfg.MaxPeers, cfg.DialRatio = 2*places, 2
	}
	w.started = time.Now()
	w.servers, err = startAll(count, func(boot []string) (*server, error) {
		s, cfg := new(server), cfg
		cfg.Peers = &s.peers
		if discovery {
			cfg.Bootnodes = boot
		}
		started, err := w.impl.StartServer(cfg)
		s.Server = started
		return s, err
	})
	return err
}

// mesh lets each two Servers connect, the later one of them dialing.
func (w *network) mesh() error {
	list := urls(w.servers)
	for i, s := range w.servers {
		for _, url := range list[:i] {
			if err := s.AddPeer(url); err != nil {
				return fmt.Errorf("control: Server %d: %w", i, err)
			}
		}
	}
	return nil
}

// awaitPeers waits until every Server has had count peers.
func (w *network) awaitPeers(count int, limit time.Duration) (j Joined, err error) {
	if len(w.servers) == 0 {
		return j, errors.New("control: there are no Servers")
	}
	times := make([]time.Duration, len(w.servers)) // 0: not yet
	for {
		now := time.Since(w.started)
		j.Missing = 0
		for i, s := range w.servers {
			if times[i] == 0 && s.peers.Load() >= int64(count) {
				times[i] = now
			}
			if times[i] == 0 {
				j.Missing++
			}
		}
		over := j.Missing == 0 || now >= limit
		if j.CPU == 0 && (over || 2*j.Missing < len(w.servers)) {
			used, err := usage()
			if err != nil {
				return j, err
			}
			j.CPU = used.CPU
		}
		if over {
			break
		}
		time.Sleep(peersPoll)
	}
	for i := range times {
		if times[i] == 0 {
			times[i] = limit
		}
	}
	slices.Sort(times)
	j.Median, j.Slowest = times[len(times)/2], times[len(times)-1]
	return j, nil
}

// closeServers closes all at once: each one waits for its peers to go.
func (w *network) closeServers() {
	var closing sync.WaitGroup
	for _, s := range w.servers {
		closing.Go(s.Close)
	}
	closing.Wait()
}
