package control

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// usage reads what this process has used since it began.
func usage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, fmt.Errorf("control: getrusage: %w", err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err := residentBytes()
	if err != nil {
		return Usage{}, err
	}
	return Usage{
		CPU:        time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Allocs:     m.Mallocs,
		AllocBytes: m.TotalAlloc,
		Resident:   resident,
		InUse:      m.HeapInuse + m.StackInuse,
		Goroutines: runtime.NumGoroutine(),
	}, nil
}

// residentBytes reads the second number of /proc/self/statm, pages resident.
func residentBytes() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("control: resident memory is read from Linux's /proc: %w", err)
	}
	var total, resident uint64
	if _, err := fmt.Sscan(string(text), &total, &resident); err != nil {
		return 0, fmt.Errorf("control: /proc/self/statm holds %q: %w", text, err)
	}
	return resident * uint64(os.Getpagesize()), nil
}
