package control

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"
)

// A Pipe is an encrypted connection whose both ends are in this process: what Send
// is given Receive returns, at the latest after Flush, which may be nil.
type Pipe struct {
	Send    func(payload []byte) error
	Flush   func() error
	Receive func() (size int, err error)
}

// Cost is what one of many operations has cost this process, on average.
type Cost struct {
	CPU    time.Duration
	Wall   time.Duration // the median's, where it is measured
	Allocs float64
	Bytes  float64
}

// handshakes measures making count connections over TCP on loopback with an
// encryption handshake, both ends.
func (w *network) handshakes(count int) (Cost, error) {
	return w.cost(count, func() error {
		for range count {
			_, closePipe, err := w.pipe()
			if err != nil {
				return err
			}
			closePipe()
		}
		return nil
	})
}

// messages measures sending and receiving count messages of size bytes that can't
// be compressed.
func (w *network) messages(servers bool, size, count int) (Cost, error) {
	open := w.pipe
	if servers {
		open = w.impl.ConnectServers
	}
	p, closePipe, err := open()
	if err != nil {
		return Cost{}, err
	}
	defer closePipe()
	payload := make([]byte, size)
	rand.Read(payload)
	transfer := func(count int) error {
		sent := make(chan error, 1)
		go func() {
			for range count {
				if err := p.Send(payload); err != nil {
					sent <- err
					return
				}
			}
			if p.Flush != nil {
				sent <- p.Flush()
				return
			}
			sent <- nil
		}()
		for range count {
			if got, err := p.Receive(); err != nil || got != size {
				return fmt.Errorf("control: %d bytes came as %d: %w", size, got, err)
			}
		}
		return <-sent
	}
	if err := transfer(count/10 + 1); err != nil { // buffers grow once
		return Cost{}, err
	}
	return w.cost(count, func() error { return transfer(count) })
}

func (w *network) cost(count int, do func() error) (Cost, error) {
	before, err := usage()
	if err != nil {
		return Cost{}, err
	}
	if err := do(); err != nil {
		return Cost{}, err
	}
	after, err := usage()
	if err != nil {
		return Cost{}, err
	}
	used, n := after.Sub(before), float64(count)
	return Cost{CPU: used.CPU / time.Duration(count), Allocs: float64(used.Allocs) / n, Bytes: float64(used.AllocBytes) / n}, nil
}

// pipe connects two ends and has the implementation make its handshake on them.
func (w *network) pipe() (p Pipe, closePipe func(), err error) {
	if w.listener == nil {
		if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return p, nil, fmt.Errorf("control: %w", err)
		}
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := w.listener.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
	}()
	a, err := net.Dial("tcp", w.listener.Addr().String())
	if err != nil {
		return p, nil, fmt.Errorf("control: %w", err)
	}
	b, ok := <-accepted
	if !ok {
		a.Close()
		return p, nil, errors.New("control: no connection was accepted")
	}
	closePipe = func() { a.Close(); b.Close() }
	if p, err = w.impl.Connect(a, b); err != nil {
		closePipe()
	}
	return p, closePipe, err
}
