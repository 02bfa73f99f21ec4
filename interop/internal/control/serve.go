package control

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"testing"
	"time"
)

// ProfileFlag is the flag of a served program that names the file for a CPU
// profile of its whole life.
const ProfileFlag = "cpuprofile"

// Main is the main function of a program that serves impl on its standard input
// and output.
func Main(impl Implementation) {
	profile := flag.String(ProfileFlag, "", "write a CPU profile to this `file`")
	flag.Parse()
	if err := serveProfiled(impl, *profile); err != nil {
		log.Fatal(err)
	}
}

func serveProfiled(impl Implementation, profile string) error {
	if profile == "" {
		return Serve(impl, os.Stdin, os.Stdout)
	}
	f, err := os.Create(profile)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("control: %w", err), f.Close())
	}
	err = Serve(impl, os.Stdin, os.Stdout)
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// Serve carries out the requests read from in with nodes of impl, and writes
// their replies to out, until in ends. It closes the nodes before it returns.
func Serve(impl Implementation, in io.Reader, out io.Writer) error {
	w := &network{impl: impl}
	defer w.close()
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var req Request
		if err := requests.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("control: bad request: %w", err)
		}
		reply, err := w.handle(req)
		if err != nil {
			reply = Reply{Error: err.Error()}
		}
		if err := replies.Encode(reply); err != nil {
			return fmt.Errorf("control: reply: %w", err)
		}
	}
}

func (w *network) handle(req Request) (reply Reply, err error) {
	switch req.Op {
	case OpStart:
		err = w.start(req.Version, req.Nodes)
		reply.URLs = urls(w.nodes)
	case OpUsage:
		reply.Usage, err = usage()
	case OpCollect:
		runtime.GC() // a sync.Pool keeps what it holds over one collection
		debug.FreeOSMemory()
		reply.Usage, err = usage()
	case OpFill:
		reply.Fill = w.awaitFill(req.Fraction, req.Limit)
	case OpLookups:
		for range req.Count {
			l, err := w.lookup()
			if err != nil {
				return Reply{}, err
			}
			reply.Lookups = append(reply.Lookups, l)
		}
	case OpParse:
		reply.Parse, err = w.parse(req.Packet)
	case OpCodec:
		reply.Parse, err = w.codec(req.Codec)
	case OpMeet:
		reply.Cost, err = w.meet(req.Version, req.Count)
	case OpHandshakes:
		reply.Cost, err = w.handshakes(req.Count)
	case OpMessages:
		reply.Cost, err = w.messages(req.Servers, req.Size, req.Count)
	case OpServers:
		err = w.startServers(req.Nodes, req.Places, req.Discovery)
		reply.URLs = urls(w.servers)
	case OpMesh:
		err = w.mesh()
	case OpPeers:
		reply.Joined, err = w.awaitPeers(req.Count, req.Limit)
	default:
		err = fmt.Errorf("control: unknown operation %q", req.Op)
	}
	return reply, err
}

// parse measures decoding a packet without recovering its signer.
func (w *network) parse(packet []byte) (Parse, error) {
	parse, err := w.impl.NewParser(packet)
	if err != nil {
		return Parse{}, err
	}
	if err := parse(); err != nil {
		return Parse{}, fmt.Errorf("control: the packet to measure with does not decode: %w", err)
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := parse(); err != nil {
				b.Fatal(err)
			}
		}
	})
	if r.N == 0 {
		return Parse{}, errors.New("control: decoding failed while it was measured")
	}
	return Parse{
		Time:   r.T / time.Duration(r.N),
		Allocs: r.AllocsPerOp(),
		Bytes:  r.AllocedBytesPerOp(),
	}, nil
}
