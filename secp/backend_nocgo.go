//go:build libsecp256k1 && !cgo

package secp

// An undefined name, so that the build stops and says why.
const _ = build_tag_libsecp256k1_needs_CGO_ENABLED_1
