package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kithnet/kith/secp"
)

// parseKey reads a private key of 64 hex digits, with or without "0x". Its
// errors never show what was read: it may be nearly a key.
func parseKey(s string) (*secp.PrivateKey, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "0x")
	if len(s) != 64 {
		return nil, fmt.Errorf("a private key has 64 hex digits, this has %d characters", len(s))
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, errors.New("a private key has hex digits only")
	}
	k, err := secp.ParsePrivateKey(b)
	if err != nil {
		return nil, errors.New("the number is no private key of secp256k1: it must be in 1..n-1")
	}
	return k, nil
}

// keyText is the form of a key in a file, which go-ethereum reads too.
func keyText(k *secp.PrivateKey) string {
	b := k.Bytes()
	return hex.EncodeToString(b[:]) + "\n"
}

// readKey reads a key file, or standard input for "-".
func (a *app) readKey(name string) (*secp.PrivateKey, error) {
	text, err := a.readInput(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key: %w", err)
	}
	k, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("key file %q: %w", name, err)
	}
	return k, nil
}

// keyIsOpen reports whether others may read a key file, by its mode.
func keyIsOpen(name string) bool {
	info, err := os.Stat(name)
	return err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// createKeyFile writes a key to a new file that only its owner may read. The
// file appears whole or not at all. An existing one is left alone:
// errors.Is(err, fs.ErrExist).
func createKeyFile(name string, k *secp.PrivateKey) (err error) {
	if _, err := os.Lstat(name); err == nil {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(filepath.Dir(name), ".key-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(keyText(k))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	// A link fails where the name is taken meanwhile, as a rename would not.
	err = os.Link(f.Name(), name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(f.Name(), name) // a file system without links
}

// keyFlags say which private key to use.
type keyFlags struct {
	file, hex string
}

func (f *keyFlags) define(fs *flagSet) {
	fs.text(&f.file, "nodekey", "the private key is in `FILE`, as 64 hex digits (\"-\" is standard input)")
	fs.text(&f.hex, "nodekeyhex", "the private key, as 64 `HEX` digits; others on this machine may see it in the list of processes")
}

// load returns the key given, or nil if none is.
func (f *keyFlags) load(a *app) (*secp.PrivateKey, error) {
	switch {
	case f.file != "" && f.hex != "":
		return nil, usagef("give only one of --nodekey and --nodekeyhex")
	case f.file != "":
		return a.readKey(f.file)
	case f.hex != "":
		k, err := parseKey(f.hex)
		if err != nil {
			return nil, usagef("--nodekeyhex: %w", err)
		}
		return k, nil
	}
	return nil, nil
}
