package rlpx

import (
	"fmt"
	"io"
	"sync"

	"github.com/kithnet/kith/internal/bufpool"
	"github.com/kithnet/kith/internal/netio"
)

const (
	// smallRead is the buffer for what a quiet connection reads: some small messages.
	smallRead = 1 << 10

	// burstRead is the read buffer of a connection with more traffic than that,
	// while it lasts.
	burstRead = 32 << 10

	// firstRead is the room made for a large frame's body before any of it has
	// come: a peer that only announces 16 MiB holds no more memory than this.
	firstRead = 64 << 10
)

// reader reads frames. The data that next returns is valid until the following call.
type reader struct {
	src  *netio.LentReader
	buf  *[]byte // what have is a part of; nil while the reader waits for a frame
	have []byte  // read and not consumed
	full bool    // the last read filled its buffer: there is probably more

	body  *[]byte // of the last frame, when it did not fit
	plain *[]byte // of the last message, when it was compressed
	err   error   // sticky

	mu sync.Mutex // held while a Framer opens something
}

// next returns the data of the next frame.
func (r *reader) next(f *Framer, limit int) ([]byte, error) {
	r.release()
	if r.err != nil {
		return nil, r.err
	}
	data, err := r.frame(f, limit)
	if err != nil {
		r.err = err
		r.close()
	}
	return data, err
}

// await waits until something was read that was not consumed.
func (r *reader) await() error {
	r.release()
	if len(r.have) == 0 && r.err == nil {
		if r.err = r.fill(1); r.err != nil {
			r.close()
		}
	}
	return r.err
}

func (r *reader) frame(f *Framer, limit int) ([]byte, error) {
	header, err := r.take(HeaderLen)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	size, err := f.OpenHeader(header, limit)
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	body, err := r.take(BodyLen(size))
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return f.OpenBody(body, size)
}

// take consumes n bytes, which may be changed until the next release.
func (r *reader) take(n int) ([]byte, error) {
	if n > smallRead && n > len(r.have) {
		return r.takeLarge(n)
	}
	for len(r.have) < n {
		if err := r.fill(n); err != nil {
			return nil, err
		}
	}
	b := r.have[:n:n]
	r.have = r.have[n:]
	return b, nil
}

// fill reads more, into a buffer that has room for n bytes from the first of have, n
// being at most smallRead.
func (r *reader) fill(n int) error {
	size := smallRead
	if r.full {
		size = burstRead
	}
	if len(r.have) == 0 {
		return r.refill(size)
	}
	if cap(*r.buf) < size {
		larger := bufpool.Take(size)
		r.have = append(*larger, r.have...)
		bufpool.Give(r.buf)
		r.buf = larger
	} else if cap(r.have) < n {
		room := (*r.buf)[:cap(*r.buf)]
		r.have = room[:copy(room, r.have)]
	}
	free := r.have[len(r.have):cap(r.have)]
	got, err := r.src.Read(free)
	r.full = got == len(free)
	r.have = r.have[:len(r.have)+got]
	switch {
	case got > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// refill reads into another buffer. There is none until something comes.
func (r *reader) refill(size int) (err error) {
	bufpool.Give(r.buf)
	if r.buf, err = r.src.ReadLent(size); err != nil {
		return err
	}
	r.have = *r.buf
	r.full = len(r.have) == cap(r.have)
	return nil
}

// takeLarge takes what doesn't fit a small buffer. The memory for it grows with
// what has come.
func (r *reader) takeLarge(n int) ([]byte, error) {
	r.body = bufpool.Take(min(n, firstRead))
	*r.body = append(*r.body, r.have...)
	bufpool.Give(r.buf)
	r.buf, r.have = nil, nil
	for len(*r.body) < n {
		if len(*r.body) == cap(*r.body) {
			r.body = bufpool.Grow(r.body, min(n, 2*cap(*r.body)))
		}
		b := *r.body
		got, err := r.src.Read(b[len(b):min(cap(b), n)])
		*r.body = b[:len(b)+got]
		if got == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			return nil, fmt.Errorf("rlpx: %d of %d bytes of a frame: %w", len(b), n, err)
		}
	}
	return (*r.body)[:n], nil
}

// release gives the last message's memory back.
func (r *reader) release() {
	bufpool.Give(r.body)
	bufpool.Give(r.plain)
	r.body, r.plain = nil, nil
}

// close gives all memory back.
func (r *reader) close() {
	r.release()
	bufpool.Give(r.buf)
	r.buf, r.have = nil, nil
}
