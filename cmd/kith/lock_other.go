//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "os"

// lockFile does nothing: the standard library has no file locks here. Two nodes
// with one folder on one port still can't start.
func lockFile(*os.File) error { return nil }
