package hugepages

import (
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	// pause is the time between two looks at how far the heap has grown.
	pause = time.Second

	// madvCollapse is Linux 6.1's: what is in small pages moves to huge ones now.
	madvCollapse = 25
)

// Keep has the heap kept in huge pages, as it grows, until stop is called.
func Keep() (stop func()) {
	if !onRequest() {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		a := advised{}
		for {
			a.advise()
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// onRequest reports whether this Linux keeps in huge pages what it is advised to, and nothing else.
func onRequest() bool {
	b, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	return err == nil && strings.Contains(string(b), "[madvise]")
}

// advise advises what the heap has grown by.
func (a advised) advise() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for _, r := range heapOf(string(maps)) {
		if part, ok := a.rest(r); ok {
			for _, advice := range [...]uintptr{syscall.MADV_HUGEPAGE, madvCollapse} {
				syscall.Syscall(syscall.SYS_MADVISE, uintptr(part.from), uintptr(part.to-part.from), advice)
			}
		}
	}
}
