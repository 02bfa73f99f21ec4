//go:build !linux

package hugepages

// Keep does nothing on this system.
func Keep() (stop func()) { return func() {} }
