package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discover"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/secp"
)

const (
	// handshakeTime bounds both handshakes together: go-ethereum's value.
	handshakeTime = 5 * time.Second

	// dialTime bounds a TCP connect.
	dialTime = 15 * time.Second

	// resolveTime bounds the lookup for a node whose address is not known.
	resolveTime = 30 * time.Second

	// lingerTime is how long protocols that do not end are waited for.
	lingerTime = 3 * time.Second
)

// Config is what a Server may be told. Only Key is needed.
type Config struct {
	Key  *secp.PrivateKey
	Name string // name and version of the software, told to peers; default "kith"
	// Protocols are what to speak; see AddProtocol for later ones. Without any,
	// nobody that was found is dialed, and whoever connects is told that this node
	// is of no use to it.
	Protocols []Protocol

	// Listen is where to listen, TCP and UDP; port 0 picks a free one. The zero
	// AddrPort does not listen: the Server only dials.
	Listen netip.AddrPort
	// Listener, if set, is used instead of a TCP socket at Listen. It is closed
	// when Run ends.
	Listener net.Listener
	// PacketConn, if set, is used for discovery instead of a UDP socket with
	// TCP's port. It is closed when Run ends.
	PacketConn discover.Conn
	// Dial connects to a node; nil means TCP.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// Resolve finds the addresses of a node with a DNS name; nil means the
	// system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Upgrade makes the encryption handshake; nil means RLPx.
	Upgrade Upgrade

	Static    []*enode.Node // dialed and kept for ever
	Trusted   []enode.ID    // let in even when all places are taken
	Bootnodes []*enode.Node // where discovery begins

	// NoDiscovery switches discovery off: only static nodes are dialed, and those
	// that protocols bring.
	NoDiscovery bool
	// Discovery configures it beyond what is said here.
	Discovery discover.Config

	// The limits, see peering.Config: zero means the default, negative none.
	MaxPeers, DialRatio, MaxPending int
	NetRestrict                     []netip.Prefix // networks to talk to; none means all

	// DB keeps nodes and the own record over a restart; nil keeps none. It is not
	// closed.
	DB *nodedb.DB
	// Local is the own node's record keeper; nil makes one.
	Local *enode.LocalNode
	// Log hears what an operator should know; nil is silent.
	Log *slog.Logger
}

func (c *Config) check() error {
	if c.Key == nil && c.Local == nil {
		return errors.New("p2p: no key")
	}
	for i, n := range c.Static {
		if n == nil {
			return fmt.Errorf("p2p: static node %d is nil", i+1)
		}
	}
	return nil
}

func resolveDNS(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return netio.DialTCP(ctx, addr)
}
