package interop

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/kithnet/kith/interop/internal/child"
	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/gethnode"
	"github.com/kithnet/kith/interop/internal/kithnode"
	"github.com/kithnet/kith/interop/internal/leaf"
)

// joinTime bounds the wait for peers.
const joinTime = time.Minute

func TestTheirServedServers(t *testing.T) { servedServers(t, gethnode.Implementation) }

func TestOurServedServers(t *testing.T) { servedServers(t, kithnode.Implementation) }

// servedServers does in little what the comparison does with an implementation.
func servedServers(t *testing.T, impl control.Implementation) {
	serveImpl := func(in io.Reader, out io.Writer) error { return control.Serve(impl, in, out) }
	t.Run("mesh", func(t *testing.T) {
		t.Parallel()
		c := &control.Child{Process: inProcess(t, serveImpl)}
		startServed(t, c, 4, 4, false)
		if err := c.Mesh(); err != nil {
			t.Fatal(err)
		}
		awaitServed(t, c, 3)
	})
	t.Run("leaves", func(t *testing.T) {
		t.Parallel()
		c := &control.Child{Process: inProcess(t, serveImpl)}
		urls := startServed(t, c, 1, 20, false)
		leaves := inProcess(t, leaf.Serve)
		var report leaf.Report
		if err := errors.Join(leaves.Encode(leaf.Spec{Target: urls[0], Count: 20}), leaves.Decode(&report)); err != nil {
			t.Fatal(err)
		}
		if report.Error != "" {
			t.Error(report.Error)
		}
		awaitServed(t, c, 20)
	})
	t.Run("join", func(t *testing.T) {
		t.Parallel()
		c := &control.Child{Process: inProcess(t, serveImpl)}
		startServed(t, c, 5, 0, true)
		awaitServed(t, c, 2)
	})
}

// inProcess runs what a child process would, until the test ends.
func inProcess(t *testing.T, serve func(io.Reader, io.Writer) error) *child.Process {
	t.Helper()
	requests, in := io.Pipe()
	out, replies := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := serve(requests, replies)
		replies.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		in.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &child.Process{Encoder: json.NewEncoder(in), Decoder: json.NewDecoder(out)}
}

func startServed(t *testing.T, c *control.Child, count, places int, discovery bool) []string {
	t.Helper()
	urls, err := c.StartServers(count, places, discovery)
	if err != nil || len(urls) != count {
		t.Fatalf("%d of %d Servers run: %v", len(urls), count, err)
	}
	return urls
}

func awaitServed(t *testing.T, c *control.Child, peers int) {
	t.Helper()
	if j, err := c.AwaitPeers(peers, joinTime); err != nil || j.Missing > 0 {
		t.Errorf("%d Servers have not had %d peers: %v", j.Missing, peers, err)
	}
}
