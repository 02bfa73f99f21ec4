package main

import (
	"fmt"
	"time"

	"github.com/kithnet/kith/interop/internal/control"
	"github.com/kithnet/kith/interop/internal/load"
)

// tableTime bounds the wait for a table with 16 live nodes. Go-ethereum checks
// one new node about every one and a half seconds.
const tableTime = 2 * time.Minute

// request is a kind of question put to a server.
type request struct {
	work       string
	packets    func(p peer, n int) ([]load.Request, error)
	reply      byte // the type of the reply's packets
	perRequest int  // how many they are
	window     int  // requests under way in a closed loop
}

// answerRate is how many requests a second both servers are asked when it is
// measured what an answer costs: half of what the slower one is able to answer.
// In a closed loop the faster one would be asked more, and pay for sharing the
// cores and their caches with what asks.
const answerRate = 1000

// compareAnswers measures what answering costs a server with a table of live nodes.
func (v *protocol) compareAnswers(o options, sides []side) ([]row, error) {
	var loaded []*loadedServer
	defer func() {
		for _, l := range loaded {
			l.close()
		}
	}()
	for _, s := range sides {
		l, err := v.startLoaded(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name(), err)
		}
		loaded = append(loaded, l)
	}
	for _, l := range loaded {
		if err := l.awaitTable(); err != nil {
			return nil, fmt.Errorf("%s: %w", l.side.name(), err)
		}
	}
	var rows []row
	for _, req := range v.requests() {
		got, err := measureAnswers(o, loaded, req)
		rows = append(rows, got...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// loadedServer is a server whose table knows responders and a load's source.
type loadedServer struct {
	*server
	side  side
	speak *protocol
	load  peer
	peers []peer
}

func (v *protocol) startLoaded(s side) (*loadedServer, error) {
	srv, err := v.startServer(s, "answer")
	if err != nil {
		return nil, err
	}
	l := &loadedServer{server: srv, side: s, speak: v}
	if l.peers, err = v.populate(srv); err != nil {
		l.close()
		return nil, err
	}
	l.load = l.peers[len(l.peers)-1]
	for _, p := range l.peers {
		if err := p.Bond(); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func (l *loadedServer) close() {
	for _, p := range l.peers {
		p.Close()
	}
	l.Close()
}

// awaitTable waits until FINDNODE is answered with 16 nodes for a while: before
// go-ethereum has checked any node at all it names unchecked ones.
func (l *loadedServer) awaitTable() error {
	const steady = 5 // seconds in a row
	var known, full int
	for begin := time.Now(); time.Since(begin) < tableTime; time.Sleep(time.Second) {
		requests, err := l.load.Findnodes(1)
		if err != nil {
			return err
		}
		replies := load.Ask(l.load, requests[0].Packet, l.speak.nodes, time.Second, func(got [][]byte) bool {
			return len(got) == l.speak.perFindnode
		})
		if known, err = l.speak.count(replies); err != nil {
			return err
		}
		if full++; known < control.BucketSize || len(replies) < l.speak.perFindnode {
			full = 0
		}
		if full == steady {
			return nil
		}
	}
	return fmt.Errorf("after %v FINDNODE is answered with %d nodes", tableTime, known)
}

// measureAnswers lets each server answer in turn.
func measureAnswers(o options, loaded []*loadedServer, req request) ([]row, error) {
	rows := []row{
		{Work: fmt.Sprintf("%s, %d/s: CPU", req.work, answerRate), Unit: microseconds},
		{Work: req.work + ", flat out: CPU", Unit: microseconds},
		{Work: req.work + ": allocations", Unit: count},
		{Work: req.work + ": bytes allocated", Unit: kilobytes},
	}
	for range o.reps {
		for _, l := range loaded {
			packets, err := req.packets(l.load, load.Distinct)
			if err != nil {
				return rows, err
			}
			steady, err := l.answer(req, func() load.Served {
				return load.Steady(l.load, packets, req.reply, answerRate, o.window)
			})
			if err != nil {
				return rows, err
			}
			flatOut, err := l.answer(req, func() load.Served {
				return load.Closed(l.load, packets, req.reply, req.perRequest, req.window, o.window)
			})
			if err != nil {
				return rows, err
			}
			rows[0].add(l.side, steady.cpu())
			rows[1].add(l.side, flatOut.cpu())
			rows[1].Remarks[l.side.index] = fmt.Sprintf("%.0f a second", flatOut.requests/flatOut.took.Seconds())
			rows[2].add(l.side, float64(flatOut.used.Allocs)/flatOut.requests)
			rows[3].add(l.side, float64(flatOut.used.AllocBytes)/1e3/flatOut.requests)
		}
	}
	return rows, nil
}

// answered is what a server used for how many requests.
type answered struct {
	used     control.Usage
	requests float64
	took     time.Duration
}

// cpu returns the microseconds for a request.
func (a answered) cpu() float64 { return float64(a.used.CPU) / 1e3 / a.requests }

// answer measures what the server uses for a load. Nine tenths of it must be
// answered.
func (l *loadedServer) answer(req request, ask func() load.Served) (a answered, err error) {
	before, err := l.Usage()
	if err != nil {
		return a, err
	}
	served := ask()
	after, err := l.Usage()
	if err != nil {
		return a, err
	}
	a = answered{after.Sub(before), float64(served.Answered) / float64(req.perRequest), served.Took}
	if a.requests < 0.9*float64(served.Sent-req.window) {
		err = fmt.Errorf("%s: %s: %d requests got %d of %d packets in reply",
			l.side.name(), req.work, served.Sent, served.Answered, served.Sent*req.perRequest)
	}
	return a, err
}
