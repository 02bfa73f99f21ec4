package sim

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
)

// Step is one packet that a watched host has sent or received.
type Step struct {
	At    time.Duration
	Out   bool
	Other netip.AddrPort
	What  string
	Drop  string // why it was not acted on; "": it was
}

func (s Step) String() string {
	dir, why := "<-", ""
	if s.Out {
		dir = "->"
	}
	if s.Drop != "" {
		why = "  dropped: " + s.Drop
	}
	return fmt.Sprintf("%12.6f s  %s %-21v  %s%s", s.At.Seconds(), dir, s.Other, s.What, why)
}

// Watch has f hear of every packet that a host sends or receives from now on; nil ends
// that.
func (w *World) Watch(h *Host, f func(Step)) { h.watch = f }

// describe says what a packet is.
func describe(pk *packet) string {
	if pk.segment != nil {
		return pk.segment.String()
	}
	if pk.five != nil {
		return pk.five.String()
	}
	p := &pk.p
	if pk.data != nil {
		p = new(discv4.Packet)
		if drop := p.Parse(pk.data); drop != discv4.DropNone {
			return drop.String()
		}
		p.Open(nil)
	}
	switch p.Kind {
	case discv4.Ping:
		return fmt.Sprintf("PING record %d", p.Seq)
	case discv4.Pong:
		return fmt.Sprintf("PONG to %x, record %d", p.Token[:4], p.Seq)
	case discv4.Findnode:
		return fmt.Sprintf("FINDNODE %x", p.Target[:4])
	case discv4.Neighbors:
		return fmt.Sprintf("NEIGHBORS %d nodes", len(p.Nodes))
	case discv4.ENRRequest:
		return "ENRREQUEST"
	case discv4.ENRResponse:
		return fmt.Sprintf("ENRRESPONSE record %d", p.Record.Seq())
	}
	return p.Kind.String()
}

// String says what a packet of v5 is.
func (p *packet5) String() string {
	m := &p.msg
	how, what := "v5 ", m.Kind.String()
	switch {
	case p.header.Flag == discv5.Whoareyou:
		return fmt.Sprintf("v5 WHOAREYOU to %x, record %d", p.header.Nonce[:4], p.header.Seq)
	case p.header.Flag == discv5.Handshake:
		how = "v5 handshake, "
	case m.Kind == 0:
		return fmt.Sprintf("v5 random bytes %x", p.header.Nonce[:4])
	}
	switch m.Kind {
	case discv5.Ping, discv5.Pong:
		return fmt.Sprintf("%s%s record %d", how, what, m.Seq)
	case discv5.Findnode:
		return fmt.Sprintf("%s%s %d", how, what, m.Distances)
	case discv5.Nodes:
		return fmt.Sprintf("%s%s %d nodes of %d packets", how, what, len(m.Records), m.Total)
	}
	return how + what
}
