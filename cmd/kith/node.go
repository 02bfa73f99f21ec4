package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
	"github.com/kithnet/kith/nodedb"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/secp"
)

var nodeCommand = command{
	name:  "node",
	short: "run a node",
	long: `It finds nodes by discovery, connects to those that speak one of its protocols (--protocol), and
stays connected to them. Without a protocol it serves discovery only, as a bootnode.

It first prints its enode:// URL and its record (enr:...), one a line: what others need to
find it. Then comes a line of state every few seconds: live nodes and those waiting to replace
them; the table as DISTANCE:LIVE+WAITING for each bucket in use; packets a second in and out;
endpoints proven; peers, and how many of them have connected by themselves; and, since the start,
the packets dropped for each reason. While it has less than half of --maxpeers, the line ends with
why others did not become peers, and what those that refused said. The log is on standard error. It runs until SIGINT or SIGTERM; a second one kills it.

Without --nodekey or --nodekeyhex its key is "nodekey" in the data folder, made at the first
start. Known nodes are kept in "nodes.db" there. A data folder serves one node at a time.

By default it listens on all addresses, for IPv4 and IPv6; with --addr 127.0.0.1 it can be reached
from this machine only. No node is built in unless --network asks for it.

With --json each line is an object: the first has type "node", id, enode, enr, the others type
"state".`,
	setup: func(fs *flagSet) action {
		c := &nodeConfig{port: 30303, interval: 5 * time.Second, level: "info"}
		c.key.define(fs)
		c.boot.define(fs)
		c.peers.define(fs)
		c.discovery.define(fs)
		fs.boolean(&c.talkEcho, "talk-echo", "answer TALKREQs of the protocol "+talkEcho+" with the request, for testing")
		fs.addr(&c.addr, "addr", "listen on the address `IP` only", wantListen)
		fs.port(&c.port, "port", "listen on port `N`, UDP and TCP; 0 picks a free one")
		fs.addr(&c.extIP, "extip", "tell others that this node is at `IP`, as behind a port forwarding; without it that is learnt from what they see", wantHost)
		fs.prefixes(&c.netRestrict, "netrestrict", "talk only to nodes in the networks `CIDRS`, separated by commas")
		fs.text(&c.dataDir, "datadir", "keep key and database in the folder `DIR` (default \"kith\" in the user's configuration folder)")
		fs.choice(&c.level, "log.level", "log what is at least as grave as `LEVEL`: "+"debug, info, warn or error", logLevels)
		fs.boolean(&c.logJSON, "log.json", "log in JSON")
		fs.duration(&c.interval, "interval", "`TIME` between lines of state; 0 for none", 0, time.Hour)
		fs.boolean(&c.json, "json", "write JSON")
		return c.run
	},
}

var logLevels = []string{"debug", "info", "warn", "error"}

type nodeConfig struct {
	key         keyFlags
	boot        bootFlags
	peers       peerFlags
	discovery   nodeProtocols
	talkEcho    bool
	addr, extIP netip.Addr
	port        uint16
	netRestrict []netip.Prefix
	dataDir     string
	level       string
	logJSON     bool
	interval    time.Duration
	json        bool
}

func (c *nodeConfig) run(ctx context.Context, a *app, args []string) error {
	if err := want(args); err != nil {
		return err
	}
	log := c.logger(a)
	boot, err := c.boot.load(a)
	if err != nil {
		return err
	}
	c.warnRestricted(log, boot)
	home, err := c.openHome(a, log)
	if err != nil {
		return err
	}
	defer home.close(log)
	ln := enode.NewLocalNode(home.key, home.db, enode.StartSeq(home.startSeq))
	if c.extIP.IsValid() {
		ln.SetStaticIP(c.extIP)
	}
	cfg := p2p.Config{
		Local: ln, Name: "kith/" + readVersion().Version, Bootnodes: boot, NetRestrict: c.netRestrict, DB: home.db, Log: log, Resolve: a.resolve,
	}
	if err := c.peers.apply(&cfg); err != nil {
		return err
	}
	if cfg.Discovery.Protocols, err = c.discovery.set(); err != nil {
		return err
	}
	if err := c.listen(&cfg); err != nil {
		return err
	}
	defer cfg.Listener.Close()
	if cfg.PacketConn != nil {
		defer cfg.PacketConn.Close()
	}
	srv, err := p2p.New(cfg)
	if err != nil {
		return err
	}
	return c.serve(ctx, a, srv, log)
}

// listen opens the sockets that a Server needs.
func (c *nodeConfig) listen(cfg *p2p.Config) (err error) {
	at := netip.AddrPortFrom(c.addr, c.port)
	if !c.peers.noDiscover {
		cfg.PacketConn, cfg.Listener, err = listenBoth(at)
		return err
	}
	if cfg.Listener, err = netio.ListenTCP(at); err != nil {
		return listenError("TCP", at, err)
	}
	return nil
}

// serve runs the Server and reports on it until ctx ends.
func (c *nodeConfig) serve(ctx context.Context, a *app, srv *p2p.Server, log *slog.Logger) error {
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-srv.Ready():
	}
	if err := srv.Local().Err(); err != nil {
		log.Warn("local record", "err", err)
	}
	if node := srv.Discovery(); node != nil {
		if c.talkEcho {
			node.HandleTalk(talkEcho, echoTalk)
		}
		if s := node.Stats(); s.ReadBufferGranted > 0 && s.ReadBufferGranted < s.ReadBufferAsked {
			log.Info("the system grants a smaller receive buffer than asked for: bursts may be lost (net.core.rmem_max)",
				"asked", s.ReadBufferAsked, "granted", s.ReadBufferGranted)
		}
	}
	go logPeers(srv.Events(ctx), log)
	c.report(ctx, a, srv, log)
	return <-done
}

// logPeers logs who comes and goes, and at the level debug why others don't.
func logPeers(events iter.Seq[p2p.Event], log *slog.Logger) {
	for e := range events {
		switch e.Kind {
		case p2p.PeerAdded:
			log.Info("peer added", "id", e.ID.Short(), "addr", e.Peer.RemoteAddr(), "client", e.Peer.Client(), "inbound", e.Peer.Inbound(), "runs", e.Peer.Running())
		case p2p.PeerDropped:
			log.Info("peer dropped", "id", e.ID.Short(), "err", e.Err, "remote", e.Remote)
		case p2p.Refused:
			log.Debug("no peer", "id", e.ID.Short(), "reason", e.Reason, "err", e.Err)
		}
	}
}

func (c *nodeConfig) logger(a *app) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(c.level)) // one of logLevels
	opts := &slog.HandlerOptions{Level: level}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(a.stderr, opts))
	}
	return slog.New(slog.NewTextHandler(a.stderr, opts))
}

func (c *nodeConfig) warnRestricted(log *slog.Logger, boot []*enode.Node) {
	for _, n := range boot {
		allowed := slices.ContainsFunc(c.netRestrict, func(p netip.Prefix) bool { return p.Contains(n.IP()) })
		if len(c.netRestrict) > 0 && n.IP().IsValid() && !allowed {
			log.Warn("a bootnode is outside of --netrestrict and will not be asked", "id", n.ID().Short(), "ip", n.IP())
		}
	}
}

// home is what a node keeps over a restart.
type home struct {
	dir      *dataDir // nil when it can't be written to
	key      *secp.PrivateKey
	db       *nodedb.DB
	startSeq uint64 // of a record never stored before
}

// openHome opens the data folder. Without one that can be written to, a node
// runs only if its key is given, and forgets what else it knew.
func (c *nodeConfig) openHome(a *app, log *slog.Logger) (*home, error) {
	given, err := c.key.load(a)
	if err != nil {
		return nil, err
	}
	if c.key.file != "" && keyIsOpen(c.key.file) {
		log.Warn("others on this machine can read the key file (chmod 600 prevents it)", "file", c.key.file)
	}
	path := c.dataDir
	if path == "" {
		if path, err = defaultDataDir(); err != nil && given == nil {
			return nil, err
		}
	}
	h := &home{key: given}
	if err == nil {
		h.dir, err = openDataDir(path)
	}
	var dbPath string
	switch {
	case err == nil:
		dbPath = h.dir.dbPath()
	case errors.Is(err, errInUse):
		return nil, err
	case given == nil:
		return nil, fmt.Errorf("cannot keep a key in the data folder %q: %w: give another by --datadir, or a key by --nodekey", path, err)
	default:
		log.Warn("the data folder can't be used: known nodes will be forgotten", "datadir", path, "err", err)
	}
	fresh := false
	if h.key == nil {
		if h.key, fresh, err = h.dir.key(a); err != nil {
			h.dir.close()
			return nil, err
		}
	}
	if h.db, err = nodedb.Open(dbPath, log); err != nil {
		h.close(log)
		return nil, fmt.Errorf("cannot use the node database: %w", err)
	}
	// Others may know a record that a key had elsewhere or before its database
	// was lost, and would not take a lower number for news.
	h.startSeq = uint64(time.Now().UnixMilli())
	if fresh {
		h.startSeq = 1
	}
	return h, nil
}

func (h *home) close(log *slog.Logger) {
	if h.db != nil {
		if err := h.db.Close(); err != nil {
			log.Error("the node database is not saved", "err", err)
		}
	}
	if h.dir != nil {
		h.dir.close()
	}
}

// report prints who the node is, and its state until ctx ends.
func (c *nodeConfig) report(ctx context.Context, a *app, srv *p2p.Server, log *slog.Logger) {
	self := srv.Self()
	if c.json {
		a.writeJSON(struct {
			Type string `json:"type"`
			nodeJSON
		}{"node", describe(self)})
	} else {
		fmt.Fprintf(a.stdout, "%s\n%s\n", self.URL(), self)
	}
	if c.interval == 0 {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	meter := newMeter(srv)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := srv.Self(); now.Seq() != self.Seq() {
			self = now
			log.Info("the node's record has changed", "seq", self.Seq(), "enode", self.URL(), "enr", self.String())
		}
		s := meter.read(srv)
		if c.json {
			a.writeJSON(s)
		} else {
			fmt.Fprintln(a.stdout, s)
		}
	}
}
