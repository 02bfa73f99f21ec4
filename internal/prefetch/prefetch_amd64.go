//go:build !purego

package prefetch

import "unsafe"

// lines asks for n lines from p on, n at least 1.
//
//go:noescape
func lines(p unsafe.Pointer, n int)
