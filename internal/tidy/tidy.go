// Package tidy holds the rules of ARCHITECTURE.md as tests over the source. It
// has no code of its own that anything uses.
package tidy
