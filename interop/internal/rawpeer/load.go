package rawpeer

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"
	"github.com/ethereum/go-ethereum/rlp"

	"github.com/kithnet/kith/interop/internal/load"
)

// Pings returns n packets for a loop of PINGs.
func (p *Peer) Pings(n int) ([]load.Request, error) {
	return load.Make(n, func(i int) (load.Request, error) { return asRequest(p.Ping(Lifetime, uint16(i))) })
}

// Findnodes returns n packets for a loop of FINDNODEs for random targets.
func (p *Peer) Findnodes(n int) ([]load.Request, error) {
	return load.Make(n, func(int) (load.Request, error) {
		var target v4wire.Pubkey
		rand.Read(target[:])
		return asRequest(p.Findnode(target))
	})
}

// PacedPings returns the packets that load.Paced needs for PINGs, signed ahead. Each
// expires as if it were signed when it is its turn, if Paced follows at once.
func (p *Peer) PacedPings(rate int, d time.Duration) ([]load.Request, error) {
	begin := time.Now()
	return load.Make(load.Pace(rate, d), func(i int) (load.Request, error) {
		turn := time.Duration(i) * time.Second / time.Duration(rate)
		return asRequest(p.Ping(time.Until(begin.Add(turn+Lifetime)), uint16(i)))
	})
}

// asRequest makes a request of a packet, whose hash is what a PONG quotes.
func asRequest(packet []byte, err error) (load.Request, error) {
	if err != nil {
		return load.Request{}, err
	}
	return load.Request{Packet: packet, Token: load.Token(packet)}, nil
}

// CountNeighbors returns how many nodes NEIGHBORS packets name.
func CountNeighbors(packets [][]byte) (n int, err error) {
	for _, packet := range packets {
		var list v4wire.Neighbors
		if err := rlp.NewStream(bytes.NewReader(packet[typeAt+1:]), 0).Decode(&list); err != nil {
			return 0, fmt.Errorf("rawpeer: NEIGHBORS: %w", err)
		}
		n += len(list.Nodes)
	}
	return n, nil
}

// replyToken returns the hash of the PING that a PONG answers, its second element.
func replyToken(packet []byte) (token load.Token, ok bool) {
	list, _, err := rlp.SplitList(packet[typeAt+1:])
	if err != nil {
		return token, false
	}
	_, _, rest, err := rlp.Split(list)
	if err != nil {
		return token, false
	}
	content, _, err := rlp.SplitString(rest)
	if err != nil || len(content) != hashSize {
		return token, false
	}
	return load.Token(content), true
}
