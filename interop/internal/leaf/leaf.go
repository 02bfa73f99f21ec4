// Package leaf runs peers that do the least that a Server keeps: both handshakes,
// and a Pong for every Ping. They come from a process of their own and are the same
// whoever's Server they connect to.
package leaf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/rlpx"
	"github.com/kithnet/kith/secp"
)

// A Spec says how many peers are to connect, and to whom.
type Spec struct {
	Target string // enode URL of a Server on loopback
	Count  int
}

// A Report says that all are connected, or why not.
type Report struct {
	Error string `json:",omitempty"`
}

// MaxCount bounds the peers: a socket each.
const MaxCount = 4096

const (
	// pending is how many handshakes are under way at once: well below the 50 for
	// which a Server has room.
	pending = 16

	// setupTime bounds both handshakes of one peer.
	setupTime = 20 * time.Second
)

// Serve reads a Spec from in, connects the peers, reports to out, and keeps them
// until in ends.
func Serve(in io.Reader, out io.Writer) error {
	dec := json.NewDecoder(in)
	var spec Spec
	if err := dec.Decode(&spec); err != nil {
		return fmt.Errorf("leaf: bad specification: %w", err)
	}
	var report Report
	conns, err := connect(spec)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if err != nil {
		report.Error = err.Error()
	}
	if err := json.NewEncoder(out).Encode(report); err != nil {
		return fmt.Errorf("leaf: %w", err)
	}
	if err := dec.Decode(&spec); !errors.Is(err, io.EOF) {
		return errors.New("leaf: more came after the specification")
	}
	return nil
}

// connect connects all peers, and returns those that were before an error too.
func connect(spec Spec) (conns []net.Conn, err error) {
	target, err := enode.Parse(spec.Target)
	if err != nil {
		return nil, fmt.Errorf("leaf: target %q: %w", spec.Target, err)
	}
	if at, ok := target.TCPEndpoint(); !ok || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("leaf: target %q has no endpoint on loopback", spec.Target)
	}
	if spec.Count < 1 || spec.Count > MaxCount {
		return nil, fmt.Errorf("leaf: asked for %d peers", spec.Count)
	}
	var (
		mu      sync.Mutex
		working sync.WaitGroup
		turns   = make(chan struct{}, pending)
	)
	for range spec.Count {
		turns <- struct{}{}
		working.Go(func() {
			defer func() { <-turns }()
			c, failed := connectOne(target)
			mu.Lock()
			defer mu.Unlock()
			if failed != nil {
				err = fmt.Errorf("leaf: %w", failed)
				return
			}
			conns = append(conns, c.NetConn())
			go answer(c)
		})
	}
	working.Wait()
	return conns, err
}

func connectOne(target *enode.Node) (_ *rlpx.Conn, err error) {
	key, err := secp.GenerateKey()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTime)
	defer cancel()
	at, _ := target.TCPEndpoint()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	c, err := rlpx.Dial(ctx, conn, key, target.PublicKey())
	if err != nil {
		return nil, err
	}
	_, err = c.Hello(ctx, &rlpx.Hello{
		Version: rlpx.Version, Client: "leaf", ID: key.Public(),
		Caps: []rlpx.Cap{{Name: control.Protocol, Version: control.Version}},
	})
	return c, err
}

// answer sends a Pong for every Ping, until the connection ends.
func answer(c *rlpx.Conn) {
	for {
		code, _, err := c.ReadMsg()
		if err != nil {
			return
		}
		if code == rlpx.CodePing && c.WriteMsg(rlpx.CodePong, []byte{0xc0}) != nil {
			return
		}
	}
}
