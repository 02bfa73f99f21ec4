package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kithnet/kith/secp"
)

// The files in a data folder.
const (
	keyName  = "nodekey"
	dbName   = "nodes.db"
	lockName = "LOCK"
)

// dataDir is a folder that one node keeps its key and database in. It is
// locked: two nodes in one would overwrite each other's database and, having
// one key, pull each other's packets.
type dataDir struct {
	path string
	lock *os.File
}

// errInUse says that another node holds the folder.
var errInUse = errors.New("in use")

// defaultDataDir is "kith" in the user's configuration folder.
func defaultDataDir() (string, error) {
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no configuration folder for this user (%w): give a folder by --datadir", err)
	}
	return filepath.Join(base, "kith"), nil
}

// openDataDir makes the folder if missing and locks it.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if errors.Is(err, errInUse) {
			pid, _ := io.ReadAll(io.LimitReader(f, 20))
			return nil, fmt.Errorf("data folder %q is %w by another node (process %s): stop that one, or give this one a --datadir of its own",
				path, errInUse, strings.TrimSpace(string(pid)))
		}
		return nil, err
	}
	// The number is for people; that the file is locked is what counts.
	f.Truncate(0)
	fmt.Fprintln(f, os.Getpid())
	return &dataDir{path: path, lock: f}, nil
}

func (d *dataDir) dbPath() string { return filepath.Join(d.path, dbName) }

// key returns the folder's key and whether it was just made.
func (d *dataDir) key(a *app) (k *secp.PrivateKey, fresh bool, err error) {
	name := filepath.Join(d.path, keyName)
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		k, err := a.readKey(name)
		return k, false, err
	}
	k, err = secp.GenerateKey()
	if err != nil {
		return nil, false, err
	}
	if err := createKeyFile(name, k); err != nil {
		return nil, false, fmt.Errorf("cannot keep the new node key: %w: make room or give another --datadir, or give a key by --nodekey", err)
	}
	return k, true, nil
}

// close lets others use the folder. The lock's file stays: to remove it would
// be a race with one who just opened it.
func (d *dataDir) close() { d.lock.Close() }
