package main

import (
	"context"
	"errors"

	"github.com/kithnet/kith/p2p"
	"github.com/kithnet/kith/rlpx"
)

// The codes of the protocol echo/1, a partner for testing other implementations.
const (
	echoAsk   = 0 // answered by echoReply with the same payload
	echoReply = 1
	echoEnd   = 2 // disconnect me, with the reason in the one payload byte
	echoCodes = 3
)

var errEcho = errors.New("not a message of echo/1")

func echoProtocol() p2p.Protocol {
	return p2p.Protocol{Name: "echo", Version: 1, Length: echoCodes, Run: serveEcho}
}

func serveEcho(ctx context.Context, _ *p2p.Peer, rw p2p.MsgReadWriter) error {
	for {
		m, err := rw.ReadMsg(ctx)
		switch {
		case err != nil:
			return err
		case m.Code == echoEnd && len(m.Payload) == 1:
			return rlpx.DiscReason(m.Payload[0])
		case m.Code == echoEnd:
			return errEcho
		case m.Code == echoAsk:
			if err := rw.WriteMsg(ctx, echoReply, m.Payload); err != nil {
				return err
			}
		}
	}
}
