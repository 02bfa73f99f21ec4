package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/kithnet/kith/enode"
)

// talkEcho is the protocol that --talk-echo serves.
const talkEcho = "interop-echo"

func echoTalk(_ *enode.Node, _ netip.AddrPort, request []byte) []byte { return request }

var talkCommand = command{
	name:  "talk",
	args:  "URL PROTOCOL HEX",
	short: "send a node a request of a protocol of its own",
	long: `URL is enode://... or enr:.... PROTOCOL is the protocol's name, HEX the request, which may be
empty (''). They go in a TALKREQ of Node Discovery v5, encrypted. The response is printed in hex, an
empty line for an empty one: that is also what a node answers that does not know the protocol.

The exit code is 1 if no answer came. With --json there is one object: node, ms, response. A node with
--talk-echo answers the protocol ` + talkEcho + ` with the request.`,
	setup: func(fs *flagSet) action {
		c := &talker{newAsker()}
		c.timeout = 5 * time.Second
		c.defineQuiet(fs)
		c.protocols.v5 = true
		return c.run
	},
}

type talker struct{ *asker }

type talkJSON struct {
	Node     enode.ID `json:"node"`
	MS       float64  `json:"ms"`
	Response string   `json:"response"`
}

func (c *talker) run(ctx context.Context, a *app, args []string) error {
	if err := want(args, "the URL of a node", "a protocol", "a request in hex"); err != nil {
		return err
	}
	target, err := enode.Parse(args[0])
	if err != nil {
		return usageError{err}
	}
	request, err := hex.DecodeString(strings.TrimPrefix(args[2], "0x"))
	if err != nil {
		return usagef("request %.16q is not hex: %w", args[2], err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if target, err = a.locate(ctx, target); err != nil {
		return err
	}
	if _, ok := target.UDPEndpoint(); !ok {
		return usagef("the URL of node %s has no UDP endpoint: it needs an address and a port", target.ID().Short())
	}
	node, err := c.start(target)
	if err != nil {
		return err
	}
	defer node.Close()
	begun := time.Now()
	response, err := node.Talk(ctx, target, args[1], request)
	if err != nil {
		return fmt.Errorf("node %s: %s", target.ID().Short(), failure(err, c.timeout))
	}
	if c.json {
		a.writeJSON(talkJSON{target.ID(), ms(time.Since(begun)), hex.EncodeToString(response)})
	} else {
		fmt.Fprintln(a.stdout, hex.EncodeToString(response))
	}
	return nil
}
