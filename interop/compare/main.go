// Command compare does the same work with go-ethereum and with Kith, in the same
// run on the same machine, and prints what each needed as a Markdown table.
//
//	CGO_ENABLED=0 go run ./compare                     # pure Go on both sides
//	CGO_ENABLED=1 go run -tags libsecp256k1 ./compare  # C on both sides
//
// It is to be run in the interop module's folder. What is measured runs in a
// process of its own for each side (serve/geth, serve/kith, which it builds with
// the same settings as itself), so that CPU time, memory and allocations are
// those of the server alone. The load comes from this process, floods and idle
// peers from a third one; all packets are signed before the time that is measured. The two
// sides take turns, and the table shows medians.
//
// Nothing leaves the loopback interface. Linux only: it reads /proc.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"time"

	"github.com/kithnet/kith/interop/internal/flood"
	"github.com/kithnet/kith/interop/internal/leaf"
)

// The first arguments that make this program the flooding process, or the one with
// the idle peers.
const (
	floodRole = "flood"
	leafRole  = "leaf"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compare: ")
	roles := map[string]func(io.Reader, io.Writer) error{floodRole: flood.Serve, leafRole: leaf.Serve}
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	opts, err := parseOptions(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if err := run(opts); err != nil {
		log.Fatal(err)
	}
}

// options are the command's flags.
type options struct {
	only    *regexp.Regexp
	side    string
	reps    int
	window  time.Duration // of one repetition of a closed loop
	flood   time.Duration // of one repetition of a flood
	nodes   int           // of the network for lookups and memory
	settle  time.Duration // until that network is measured
	lookups int
	fill    int // nodes of the network whose tables fill
	mesh    int // Servers that all connect
	hub     int // peers of one Server
	join    int // Servers that find each other
	limit   time.Duration
	json    bool
	list    bool

	profiles string // folder
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("compare", flag.ExitOnError)
	only := f.String("only", "", "do only the `work` whose name matches this regular expression")
	f.StringVar(&o.side, "side", "both", "whom to measure: geth, kith or both")
	f.IntVar(&o.reps, "reps", 3, "repetitions of which the median is taken")
	f.DurationVar(&o.window, "window", 2*time.Second, "length of one repetition of answering")
	f.DurationVar(&o.flood, "flood", 5*time.Second, "length of one repetition of a flood, at most 15s")
	f.IntVar(&o.nodes, "nodes", 300, "nodes of the network for lookups and memory")
	f.DurationVar(&o.settle, "settle", time.Minute, "time that network is given before it is measured")
	f.IntVar(&o.lookups, "lookups", 50, "lookups made in that network")
	f.IntVar(&o.fill, "fill", 100, "nodes of the network whose tables fill")
	f.DurationVar(&o.limit, "limit", time.Minute, "longest time to wait for tables to fill, or Servers to have peers")
	f.IntVar(&o.mesh, "mesh", 50, "Servers that are connected each to each")
	f.IntVar(&o.hub, "hub", 500, "idle peers of one Server")
	f.IntVar(&o.join, "join", 100, "Servers that look for peers, more than the 25 that each wants to have")
	f.BoolVar(&o.json, "json", false, "print JSON with every sample instead of a table")
	f.StringVar(&o.profiles, "profile", "", "write CPU profiles of the servers into this `folder`")
	f.BoolVar(&o.list, "list", false, "print the names of the work and do nothing")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	// Packets of a flood are signed before it and must not expire during it.
	if o.flood < time.Second || o.flood > 15*time.Second {
		return o, fmt.Errorf("-flood %v: not within 1s and 15s", o.flood)
	}
	if min(o.reps, o.nodes, o.lookups, o.fill) < 1 {
		return o, fmt.Errorf("-reps, -nodes, -lookups and -fill must be positive")
	}
	if o.mesh < 2 || o.hub < 1 || o.hub > leaf.MaxCount || o.join <= joinPeers {
		return o, fmt.Errorf("-mesh %d, -hub %d, -join %d: too few or too many", o.mesh, o.hub, o.join)
	}
	return o, nil
}

func run(o options) error {
	if o.list {
		for _, w := range allWork() {
			fmt.Println(w.name)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sides, err := buildSides(dir, o)
	if err != nil {
		return err
	}
	warnOfLoad()
	var (
		rows   []row
		failed int
	)
	for _, w := range allWork() {
		if !o.only.MatchString(w.name) {
			continue
		}
		begin := time.Now()
		got, err := w.do(o, sides)
		if err != nil {
			log.Printf("%s: %v", w.name, err)
			failed++
		}
		rows = append(rows, got...)
		log.Printf("%s: done in %v", w.name, time.Since(begin).Round(time.Second))
	}
	if o.json {
		err = json.NewEncoder(os.Stdout).Encode(rows)
	} else {
		err = printTable(os.Stdout, rows)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d kinds of work could not be measured", failed)
	}
	return err
}

// warnOfLoad says so when other processes keep the machine busy.
func warnOfLoad() {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return
	}
	var load float64 // of the last minute
	if _, err := fmt.Sscan(string(text), &load); err == nil && load > 1 {
		log.Printf("other processes are running (load %.1f): what is measured now will be off", load)
	}
}
