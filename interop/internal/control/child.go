package control

import (
	"errors"
	"fmt"
	"time"

	"github.com/kithnet/kith/interop/internal/child"
)

// A Child is a served process seen from the process that started it. Its calls
// must not overlap.
type Child struct{ *child.Process }

// StartChild runs a program whose main function is Main, with the given flags.
func StartChild(program string, flags ...string) (*Child, error) {
	p, err := child.Start(program, flags...)
	if err != nil {
		return nil, err
	}
	return &Child{p}, nil
}

func (c *Child) call(req Request) (Reply, error) {
	if err := c.Encode(req); err != nil {
		return Reply{}, fmt.Errorf("control: %s: %w", req.Op, err)
	}
	var reply Reply
	if err := c.Decode(&reply); err != nil {
		return Reply{}, fmt.Errorf("control: no reply to %s: %w", req.Op, err)
	}
	if reply.Error != "" {
		return reply, errors.New(reply.Error)
	}
	return reply, nil
}

// Start starts nodes in the process that speak V4 or V5, the first of which is the
// others' bootnode, and returns their URLs.
func (c *Child) Start(version, nodes int) ([]string, error) {
	reply, err := c.call(Request{Op: OpStart, Version: version, Nodes: nodes})
	return reply.URLs, err
}

// Usage returns what the process has used since it began.
func (c *Child) Usage() (Usage, error) {
	reply, err := c.call(Request{Op: OpUsage})
	return reply.Usage, err
}

// Collect makes the process free what it can free, and returns its Usage.
func (c *Child) Collect() (Usage, error) {
	reply, err := c.call(Request{Op: OpCollect})
	return reply.Usage, err
}

// AwaitFill waits until the median node's table holds fraction of what it could
// hold, or until limit has passed since the first node started.
func (c *Child) AwaitFill(fraction float64, limit time.Duration) (Fill, error) {
	reply, err := c.call(Request{Op: OpFill, Fraction: fraction, Limit: limit})
	return reply.Fill, err
}

// Lookups runs count lookups, one after another.
func (c *Child) Lookups(count int) ([]Lookup, error) {
	reply, err := c.call(Request{Op: OpLookups, Count: count})
	return reply.Lookups, err
}

// Handshakes measures count encryption handshakes.
func (c *Child) Handshakes(count int) (Cost, error) {
	reply, err := c.call(Request{Op: OpHandshakes, Count: count})
	return reply.Cost, err
}

// Messages measures count messages of size bytes, of a protocol between two Servers
// or on a bare connection.
func (c *Child) Messages(servers bool, size, count int) (Cost, error) {
	reply, err := c.call(Request{Op: OpMessages, Servers: servers, Size: size, Count: count})
	return reply.Cost, err
}

// StartServers starts Servers in the process, with the first as the others' bootnode
// if with discovery, and returns their enode URLs. places is how many peers each has
// room for that it dials, and as many that dial it; 0: the defaults.
func (c *Child) StartServers(count, places int, discovery bool) ([]string, error) {
	reply, err := c.call(Request{Op: OpServers, Nodes: count, Places: places, Discovery: discovery})
	return reply.URLs, err
}

// Mesh has each Server connect to all that were started before it.
func (c *Child) Mesh() error {
	_, err := c.call(Request{Op: OpMesh})
	return err
}

// AwaitPeers waits until every Server has count peers, or until limit has passed
// since the first one started.
func (c *Child) AwaitPeers(count int, limit time.Duration) (Joined, error) {
	reply, err := c.call(Request{Op: OpPeers, Count: count, Limit: limit})
	return reply.Joined, err
}

// Parse measures decoding packet without recovering its signer.
func (c *Child) Parse(packet []byte) (Parse, error) {
	reply, err := c.call(Request{Op: OpParse, Packet: packet})
	return reply.Parse, err
}

// Codec measures what a Codec's work takes.
func (c *Child) Codec(work Codec) (Parse, error) {
	reply, err := c.call(Request{Op: OpCodec, Codec: work})
	return reply.Parse, err
}

// Meet measures PINGs between nodes that speak V4 or V5 and have never met.
func (c *Child) Meet(version, count int) (Cost, error) {
	reply, err := c.call(Request{Op: OpMeet, Version: version, Count: count})
	return reply.Cost, err
}
