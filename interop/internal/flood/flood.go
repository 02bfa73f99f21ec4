// Package flood sends packets that nobody asked for to a server on loopback, at
// a steady rate, from a process of its own.
package flood

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/kithnet/kith/enode"
)

// A Spec says what to send.
type Spec struct {
	Kind    Kind
	Target  string        // the server's UDP endpoint
	ID      enode.ID      // the server's, which packets of v5 are masked for
	Rate    int           // packets a second
	For     time.Duration // how long
	Sources int           // number of source addresses, at most MaxSources
	Keys    int           // number of different signers and packets
}

// A Report says what was sent.
type Report struct {
	Error  string `json:",omitempty"`
	Ready  bool   `json:",omitempty"` // the packets are signed; waits for a line
	Sent   int    // packets that the kernel took
	Failed int    // packets that it did not take
	Took   time.Duration
	CPU    time.Duration // of the flooding process in that time
}

// MaxSources bounds the source addresses: a socket each.
const MaxSources = 4096

// batch is how many packets one system call hands over. More would come in
// bursts longer than a short socket buffer.
const batch = 32

// backlog bounds how late packets are still sent after the process was kept
// waiting for the processor: later ones are left out, not sent in a burst.
const backlog = 5 * time.Millisecond

// Serve reads a Spec from in, signs the packets, reports that it is ready, waits
// for another line and floods. Its reports go to out.
func Serve(in io.Reader, out io.Writer) error {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	var spec Spec
	if err := dec.Decode(&spec); err != nil {
		return fmt.Errorf("flood: bad specification: %w", err)
	}
	f, err := prepare(spec)
	if err != nil {
		return enc.Encode(Report{Error: err.Error()})
	}
	defer f.close()
	if err := enc.Encode(Report{Ready: true}); err != nil {
		return fmt.Errorf("flood: %w", err)
	}
	var begin bool
	if err := dec.Decode(&begin); err != nil {
		return fmt.Errorf("flood: not told to begin: %w", err)
	}
	return enc.Encode(f.run(spec.Rate, spec.For))
}

// flooder sends packets[i] from sources[i], with i counting up in both.
type flooder struct {
	packets [][]byte
	sources []*ipv4.PacketConn
	next    int // packet
	turn    int // source
	msgs    []ipv4.Message
}

func prepare(spec Spec) (*flooder, error) {
	target, err := netip.ParseAddrPort(spec.Target)
	if err != nil || !target.Addr().IsLoopback() {
		return nil, fmt.Errorf("flood: target %q is not an endpoint on loopback", spec.Target)
	}
	if spec.Sources < 1 || spec.Sources > MaxSources || spec.Keys < 1 || spec.Rate < 1 {
		return nil, fmt.Errorf("flood: bad specification %+v", spec)
	}
	f := &flooder{msgs: make([]ipv4.Message, batch)}
	for i := range f.msgs {
		f.msgs[i].Buffers = make([][]byte, 1)
	}
	for i := range spec.Sources {
		if err := f.open(i, target); err != nil {
			f.close()
			return nil, err
		}
	}
	f.packets, err = makePackets(spec.Kind, spec.Keys, target, spec.ID)
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// open opens the source i: 127.0.1.1, 127.0.2.1, … 127.0.250.1, 127.0.1.2, …,
// as many networks as can be.
func (f *flooder) open(i int, target netip.AddrPort) error {
	const networks = 250
	ip := net.IPv4(127, 0, byte(1+i%networks), byte(1+i/networks))
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: ip}, net.UDPAddrFromAddrPort(target))
	if err != nil {
		return fmt.Errorf("flood: source %v: %w", ip, err)
	}
	// Replies are not read: keep few of them.
	if err := c.SetReadBuffer(1); err != nil {
		c.Close()
		return fmt.Errorf("flood: source %v: %w", ip, err)
	}
	f.sources = append(f.sources, ipv4.NewPacketConn(c))
	return nil
}

func (f *flooder) close() {
	for _, c := range f.sources {
		c.Close()
	}
}

func (f *flooder) run(rate int, d time.Duration) Report {
	var (
		r     Report
		due   float64
		late  = max(backlog.Seconds()*float64(rate), batch)
		cpu   = cpuTime()
		begin = time.Now()
		last  = begin
	)
	for now := begin; now.Sub(begin) < d; now = time.Now() {
		due = min(due+now.Sub(last).Seconds()*float64(rate), late)
		last = now
		if due < batch {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		sent, failed := f.send()
		r.Sent += sent
		r.Failed += failed
		due -= batch
	}
	r.Took = time.Since(begin)
	r.CPU = cpuTime() - cpu
	return r
}

// send sends the next batch of packets: all from one source, or each from the
// next of several.
func (f *flooder) send() (sent, failed int) {
	for i := range f.msgs {
		f.msgs[i].Buffers[0] = f.packets[f.next]
		f.next = (f.next + 1) % len(f.packets)
	}
	chunk := batch
	if len(f.sources) > 1 {
		chunk = 1
	}
	for at := 0; at < batch; at += chunk {
		n, _ := f.sources[f.turn].WriteBatch(f.msgs[at:at+chunk], 0)
		f.turn = (f.turn + 1) % len(f.sources)
		sent += max(n, 0)
		failed += chunk - max(n, 0)
	}
	return sent, failed
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
