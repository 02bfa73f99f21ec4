package discv5

import "github.com/kithnet/kith/enode"

// Session is what two nodes share after a handshake: keys that hold for the other's
// node ID at one UDP endpoint (discv5-theory.md, "Session Cache"). Keys and Cipher
// never change and may be used outside of the lock.
type Session struct {
	node   *enode.Node
	keys   Keys
	cipher Cipher
	mask   Mask
}

// Keys returns the session's keys. A simulation compares them.
func (s *Session) Keys() Keys { return s.keys }

// Cipher returns what the session's messages are written and read with; the zero
// Cipher in a simulation, which agrees on keys without it.
func (s *Session) Cipher() Cipher { return s.cipher }

// Node returns the other side, with the newest record that it gave. It may be called
// wherever the machine may.
func (s *Session) Node() *enode.Node { return s.node }
