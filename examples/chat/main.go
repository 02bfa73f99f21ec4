// Command chat is a whole application on Kith in under 100 lines: everybody who is
// connected reads what the others type. In two terminals:
//
//	go run ./examples/chat                           # prints its URL
//	go run ./examples/chat enode://…@127.0.0.1:…     # with that URL
//
// Whoever knows one node finds all. It listens on this machine only. Messages are
// neither signed nor secret: see package rlpx.
package main

import (
	"bufio"
	"context"
	"io"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"sync"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/secp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, urls []string, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // the end of the input ends it all
	var boot []*enode.Node
	for _, url := range urls {
		n, err := enode.Parse(url)
		if err != nil {
			return err
		}
		boot = append(boot, n)
	}
	key, err := secp.GenerateKey()
	if err != nil {
		return err
	}
	r := &room{out: log.New(out, "", 0)}
	srv, err := p2p.New(p2p.Config{
		Key: key, Listen: netip.MustParseAddrPort("127.0.0.1:0"), Bootnodes: boot,
		Protocols: []p2p.Protocol{{Name: "chat", Version: 1, Length: 1, Run: r.member}},
	})
	if err != nil {
		return err
	}
	go func() {
		defer stop()
		<-srv.Ready()
		r.out.Printf("you are %s", srv.Self().URL())
		for lines := bufio.NewScanner(in); lines.Scan(); {
			r.say(ctx, lines.Bytes())
		}
	}()
	return srv.Run(ctx)
}

// room is who is there.
type room struct {
	members sync.Map // of *p2p.Peer and its p2p.MsgReadWriter
	out     *log.Logger
}

// member runs for each peer until it is gone: that is the protocol.
func (r *room) member(ctx context.Context, p *p2p.Peer, rw p2p.MsgReadWriter) error {
	r.members.Store(p, rw)
	defer r.members.Delete(p)
	r.out.Printf("%s has come", p.ID().Short())
	defer r.out.Printf("%s has gone", p.ID().Short())
	for {
		m, err := rw.ReadMsg(ctx)
		if err != nil {
			return err
		}
		r.out.Printf("%s: %q", p.ID().Short(), m.Payload) // quoted: it may hold anything
	}
}

// say sends a line to everybody.
func (r *room) say(ctx context.Context, line []byte) {
	r.members.Range(func(_, rw any) bool {
		rw.(p2p.MsgReadWriter).WriteMsg(ctx, 0, line) // who has just gone misses it
		return true
	})
}
