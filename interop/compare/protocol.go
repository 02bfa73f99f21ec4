package main

import (
	"net/netip"
	"time"

	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/load"
	"github.com/kithnet/kith/interop/internal/rawpeer"
	"github.com/kithnet/kith/interop/internal/rawpeer5"
)

// A peer is a bare endpoint that asks one server, and answers it.
type peer interface {
	load.Peer
	// Bond has the server take the endpoint for a live node that may ask.
	Bond() error
	// Pings and Findnodes return packets for a loop, PacedPings those for a paced load.
	Pings(n int) ([]load.Request, error)
	Findnodes(n int) ([]load.Request, error)
	PacedPings(rate int, d time.Duration) ([]load.Request, error)
	Close()
}

// A protocol is a version of Node Discovery, and how it is measured.
type protocol struct {
	version int
	prefix  string // of the names of its work
	label   string // of its rows
	ping    string // what is asked
	find    string

	pong, nodes byte // types of the answers
	perFindnode int  // packets that answer a FINDNODE
	count       func(answers [][]byte) (nodes int, err error)
	floods      []floodCase

	listen func(ip netip.Addr, srv *server) (peer, error)
	// populate opens the endpoints that fill a server's table with more than the 16
	// nodes which a FINDNODE's answer names. The last one is to ask.
	populate func(srv *server) ([]peer, error)
}

var v4 = protocol{
	version: control.V4,
	ping:    "answer a bonded PING", find: "answer FINDNODE, two packets",
	pong: v4wire.PongPacket, nodes: v4wire.NeighborsPacket,
	perFindnode: 2, count: rawpeer.CountNeighbors,
	floods: floods4,
	listen: func(ip netip.Addr, srv *server) (peer, error) { return rawpeer.Listen(ip, srv.addr) },

	populate: populate4,
}

var v5 = protocol{
	version: control.V5, prefix: "v5 ", label: "v5: ",
	ping: "v5: answer PING on a session", find: "v5: answer FINDNODE, three packets",
	pong: byte(discv5.Pong), nodes: byte(discv5.Nodes),
	perFindnode: 3, count: rawpeer5.CountNodes,
	floods: floods5,
	listen: func(ip netip.Addr, srv *server) (peer, error) { return rawpeer5.Listen(ip, srv.node, 256) },

	populate: populate5,
}

// requests are the questions that are put to a server.
func (v *protocol) requests() []request {
	return []request{
		{v.ping, peer.Pings, v.pong, 1, 16},
		{v.find, peer.Findnodes, v.nodes, v.perFindnode, 8},
	}
}

// responders is how many nodes are sure to fill a table of v4 with 16: a bucket takes
// no more than that, and half of all nodes belong to the same one.
const responders = 28

// sourceIP is where the i-th endpoint of a load is.
func sourceIP(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}) }

func populate4(srv *server) (peers []peer, err error) {
	var nodes []v4wire.Node
	var raw []*rawpeer.Peer
	for i := range responders + 1 {
		p, err := rawpeer.Listen(sourceIP(i), srv.addr)
		if err != nil {
			return peers, err
		}
		raw, peers = append(raw, p), append(peers, p)
		if len(nodes) < v4wire.MaxNeighbors {
			nodes = append(nodes, p.Node())
		}
	}
	for _, p := range raw {
		p.SetNeighbors(nodes)
	}
	return peers, nil
}

// responders5 is how many nodes fill each of the two farthest buckets of a table of v5.
const responders5 = 10

func populate5(srv *server) (peers []peer, err error) {
	var raw []*rawpeer5.Peer
	for i := range 2*responders5 + 1 {
		p, err := rawpeer5.Listen(sourceIP(i), srv.node, 256-i%2)
		if err != nil {
			return peers, err
		}
		raw, peers = append(raw, p), append(peers, p)
	}
	for _, p := range raw {
		p.SetNeighbors(raw)
	}
	return peers, nil
}
