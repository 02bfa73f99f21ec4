package discover

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/netio"
)

// The way of a packet through handleBatch, from parsing to the signed answer.
// The system's part, reading and writing, is in internal/netio.

func BenchmarkAnswer(b *testing.B) {
	for _, kind := range []discv4.Kind{discv4.Ping, discv4.Findnode, discv4.ENRRequest} {
		for _, size := range []int{1, netio.BatchSize} {
			b.Run(fmt.Sprintf("%v/%d", kind, size), func(b *testing.B) {
				p := newBench(b, 40, discv4.Limits{KnownPerSecond: 1 << 30})
				p.run(b, p.p.batch(p.query(kind), size))
			})
		}
	}
}

func BenchmarkFlood(b *testing.B) {
	p := newBench(b, 0, discv4.Limits{NewPerSecond: 1})
	floods := p.floods()
	for _, name := range slices.Sorted(maps.Keys(floods)) {
		b.Run(name, func(b *testing.B) { p.run(b, floods[name]) })
	}
	b.Run("PING over budget", func(b *testing.B) {
		p.run(b, p.stranger.batch(p.lasting(p.stranger.ping()), netio.BatchSize))
	})
}

// run handles a batch again and again, and reports the time for one packet.
func (p *bench) run(b *testing.B, batch *netio.Batch) {
	b.ReportAllocs()
	for b.Loop() {
		p.handle(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Len()), "ns/packet")
}

// BenchmarkPingRoundTrip is a PING from one node to another over sockets, the
// crypto of both sides included.
func BenchmarkPingRoundTrip(b *testing.B) {
	w := &world{t: b}
	w.growSockets(loopback4, 2)
	w.filled(1, 1, 10*time.Second)
	to := w.nodes[1].Self()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.nodes[0].Ping(b.Context(), to); err != nil {
			b.Fatal(err)
		}
	}
}

const benchNodes = 100

func BenchmarkLookup(b *testing.B) {
	w := &world{t: b}
	w.growSockets(loopback4, benchNodes)
	w.filled(0.8, 0.9, time.Minute)
	w.settle()
	var took []time.Duration
	missed := 0
	b.ReportAllocs()
	for b.Loop() {
		i := len(took)
		from, to := w.nodes[i*7%benchNodes], w.nodes[(i*13+5)%benchNodes].Self()
		start := time.Now()
		found, err := from.Lookup(context.Background(), to.PublicKey())
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		if from.Self().ID() != to.ID() && !slices.ContainsFunc(found, func(n *enode.Node) bool { return n.ID() == to.ID() }) {
			missed++
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(missed)/float64(len(took)), "missed")
}

// BenchmarkTableFill is the time from the start of a network until the median
// node has nine tenths of its possible table.
func BenchmarkTableFill(b *testing.B) {
	for b.Loop() {
		w := &world{t: b}
		w.growSockets(loopback4, benchNodes)
		w.filled(0, 0.9, time.Minute)
		b.StopTimer()
		for _, n := range w.nodes {
			n.Close()
		}
		b.StartTimer()
	}
}
