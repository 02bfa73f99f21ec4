package netio

import (
	"sync"
	"time"
)

const (
	// freeRetries is how often a failing read is tried again at once. One ICMP
	// error is reported once, so that a few in a row are ordinary.
	freeRetries = 16

	// retryPause is the wait between further tries, so that an error that
	// lasts (no memory for a buffer, say) does not spin a core.
	retryPause = 20 * time.Millisecond
)

// A closer is closed once and lets goroutines pause until then.
type closer struct {
	once sync.Once
	done chan struct{}
}

func newCloser() closer { return closer{done: make(chan struct{})} }

// pause waits before the try number failures+1 of a read, or until close.
func (c *closer) pause(failures int) {
	if failures <= freeRetries {
		return
	}
	t := time.NewTimer(retryPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.done:
	}
}

// close reports whether this is the first call.
func (c *closer) close() (first bool) {
	c.once.Do(func() {
		close(c.done)
		first = true
	})
	return first
}
