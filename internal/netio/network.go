package netio

import (
	"container/heap"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// queueLimit bounds the packets that wait at one Conn of a Network: about
	// what a socket with a receive buffer of DefaultReadBuffer holds.
	queueLimit = 4096

	// inFlightLimit bounds the delayed packets of a Network, at most some
	// 100 MB of the largest packets.
	inFlightLimit = 1 << 16

	// firstFreePort is where port numbers for port 0 begin: the dynamic range
	// of RFC 6335, section 6.
	firstFreePort = 49152
)

var (
	errNoEndpoint = errors.New("not an endpoint")
	atOnce        = []time.Duration{0}
)

// A Network is a datagram network in memory, for tests. Its conns keep all that
// Conn promises. Packets sent without a Link arrive at once and in order, and
// delayed ones in the order of their time and then of their sending, so that a
// test on one goroutine sees the same course in each run. It keeps no goroutine
// and waits on nothing but condition variables, so that it works inside a
// testing/synctest bubble, with the bubble's time.
type Network struct {
	// Link decides on each packet: it returns after which delays a copy of it
	// arrives. None means it is lost, several that it is duplicated; it may
	// change the data. The nil Link delivers once, without delay. It is called
	// on the sender's goroutine, and by several at a time if several send. Set
	// it before the first packet is sent.
	Link func(from, to netip.AddrPort, data []byte) (deliveries []time.Duration)

	mu       sync.Mutex
	conns    map[netip.AddrPort]*memConn
	nextPort uint16
	flights  flights
	flightNo uint64
	timer    *time.Timer // fires when the first flight is due
	stats    NetworkStats
}

// NetworkStats counts the packets of a Network.
type NetworkStats struct {
	Sent      uint64 // packets given to WriteBatch
	Delivered uint64 // copies that arrived at a conn's queue
	Lost      uint64 // packets for which Link returned no delivery
	NoConn    uint64 // copies dropped as nobody listened at the destination
	QueueFull uint64 // copies dropped as too many waited there
	Overload  uint64 // copies dropped as too many were delayed at a time
}

// NewNetwork returns a network without conns.
func NewNetwork() *Network {
	return &Network{conns: make(map[netip.AddrPort]*memConn), nextPort: firstFreePort}
}

// Listen returns a Conn at addr, which must be an address of one host and free.
// Port 0 picks a free port. A test that asks for an endpoint in use, or an
// unspecified one, is mistaken: Listen panics.
func (n *Network) Listen(addr netip.AddrPort) Conn {
	addr = plainAddr(addr)
	n.mu.Lock()
	defer n.mu.Unlock()
	if !addr.Addr().IsValid() || addr.Addr().IsUnspecified() {
		panic(fmt.Sprintf("netio: a Network has no wildcard address: %v", addr))
	}
	for tries := firstFreePort; addr.Port() == 0 && tries < 1<<16; tries++ {
		free := netip.AddrPortFrom(addr.Addr(), n.nextPort)
		if n.nextPort++; n.nextPort == 0 {
			n.nextPort = firstFreePort
		}
		if n.conns[free] == nil {
			addr = free
		}
	}
	if addr.Port() == 0 || n.conns[addr] != nil {
		panic(fmt.Sprintf("netio: endpoint in use: %v", addr))
	}
	c := &memConn{net: n, local: addr}
	c.ready.L = &n.mu
	n.conns[addr] = c
	return c
}

// Stats returns the counters.
func (n *Network) Stats() NetworkStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// send takes one packet of a conn that is open.
func (n *Network) send(from netip.AddrPort, p Packet) {
	to := plainAddr(p.Addr)
	data := append([]byte(nil), p.Data...)
	delays := atOnce
	if n.Link != nil {
		delays = n.Link(from, to, data)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stats.Sent++
	if len(delays) == 0 {
		n.stats.Lost++
	}
	for i, delay := range delays {
		copied := data
		if i > 0 {
			copied = append([]byte(nil), data...) // readers may change theirs
		}
		n.launch(flight{to: to, pkt: Packet{Data: copied, Addr: from}}, delay)
	}
}

// launch delivers now, or later. The caller holds the lock.
func (n *Network) launch(f flight, delay time.Duration) {
	switch {
	case delay <= 0:
		n.deliver(f)
		return
	case len(n.flights) >= inFlightLimit:
		n.stats.Overload++
		return
	}
	f.due, f.no = time.Now().Add(delay), n.flightNo
	n.flightNo++
	heap.Push(&n.flights, f)
	if n.flights[0].no == f.no {
		n.arm()
	}
}

// arm sets the timer for the first flight. The caller holds the lock.
func (n *Network) arm() {
	if n.timer != nil {
		n.timer.Stop()
		n.timer = nil
	}
	if len(n.flights) > 0 {
		n.timer = time.AfterFunc(time.Until(n.flights[0].due), n.land)
	}
}

// land delivers what is due.
func (n *Network) land() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for len(n.flights) > 0 && !n.flights[0].due.After(now) {
		n.deliver(heap.Pop(&n.flights).(flight))
	}
	n.arm()
}

// deliver puts a packet into its receiver's queue. The caller holds the lock.
func (n *Network) deliver(f flight) {
	c := n.conns[f.to]
	switch {
	case c == nil:
		n.stats.NoConn++
	case len(c.queue) >= queueLimit:
		n.stats.QueueFull++
	default:
		n.stats.Delivered++
		if len(f.pkt.Data) > MaxPacket {
			f.pkt.Data = f.pkt.Data[:MaxPacket+1]
		}
		c.queue = append(c.queue, f.pkt)
		c.ready.Signal()
	}
}

// remove takes a closed conn out. The caller holds the lock.
func (n *Network) remove(c *memConn) {
	delete(n.conns, c.local)
	if len(n.conns) == 0 {
		n.stats.NoConn += uint64(len(n.flights))
		n.flights = nil
		n.arm()
	}
}

// A flight is a packet under way.
type flight struct {
	to  netip.AddrPort
	pkt Packet
	due time.Time
	no  uint64 // breaks ties: first sent, first delivered
}

// flights is a heap, the first due at the front.
type flights []flight

func (q flights) Len() int      { return len(q) }
func (q flights) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *flights) Push(x any)   { *q = append(*q, x.(flight)) }

func (q flights) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].no < q[j].no
}

func (q *flights) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	(*q)[last] = flight{}
	*q = (*q)[:last]
	return f
}

// A memConn is a Network's Conn. Its fields are under the network's lock.
type memConn struct {
	net    *Network
	local  netip.AddrPort
	ready  sync.Cond
	queue  []Packet
	closed bool
}

var memPool sync.Pool // of *Batch

func takeMemBatch() *Batch {
	if b, ok := memPool.Get().(*Batch); ok {
		return b
	}
	b := &Batch{pkts: make([]Packet, 0, BatchSize), pool: &memPool}
	b.whole = b
	return b
}

func (c *memConn) ReadBatch() (*Batch, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	for len(c.queue) == 0 && !c.closed {
		c.ready.Wait()
	}
	if c.closed {
		return nil, net.ErrClosed
	}
	b := takeMemBatch()
	n := min(len(c.queue), BatchSize)
	b.pkts = append(b.pkts, c.queue[:n]...)
	if n == len(c.queue) {
		clear(c.queue)
		c.queue = c.queue[:0]
	} else {
		clear(c.queue[:n])
		c.queue = c.queue[n:]
	}
	return b, nil
}

func (c *memConn) WriteBatch(out []Packet) (sent int, err error) {
	for _, p := range out {
		c.net.mu.Lock()
		closed := c.closed
		c.net.mu.Unlock()
		if closed {
			return sent, net.ErrClosed
		}
		if !p.Addr.Addr().IsValid() || p.Addr.Port() == 0 {
			if err == nil {
				err = sendError(p.Addr, errNoEndpoint)
			}
			continue
		}
		c.net.send(c.local, p)
		sent++
	}
	return sent, err
}

func (c *memConn) LocalAddr() netip.AddrPort { return c.local }

func (c *memConn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.queue = nil
	c.net.remove(c)
	c.ready.Broadcast()
	return nil
}
