package nodedb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Suffixes of the files beside a database. There is one of each at most.
const (
	tempSuffix    = ".tmp"     // a snapshot being written
	corruptSuffix = ".corrupt" // the last file that could not be used
)

// load reads the file, if there is one. The error is for a path that cannot be
// that of a database.
func (db *DB) load() error {
	// If the path cannot even be looked at, prepare fails for the same reason.
	if info, err := os.Stat(db.path); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("nodedb: %s is no regular file", db.path)
		}
		if err := db.read(); err != nil {
			db.aside = true
			db.log.Warn("nodedb: database cannot be used, starting without; moving it aside",
				"path", db.path, "to", db.path+corruptSuffix, "err", err)
		}
	}
	if err := db.prepare(); err != nil {
		db.err = fmt.Errorf("nodedb: cannot write: %w", err)
		db.dirty = true // so that it is tried again
		db.log.Warn("nodedb: database stays in memory until it can be written", "path", db.path, "err", err)
	}
	return nil
}

// read fills the DB from the file.
func (db *DB) read() error {
	data, err := readFile(db.path)
	if err != nil {
		return err
	}
	local, all, err := decodeSnapshot(data)
	if err != nil {
		return err
	}
	db.local = local
	for _, it := range all {
		db.items.put(it)
	}
	db.items.shrink(db.max)
	return nil
}

// prepare finds out whether snapshots can be written, and removes what a crash
// may have left.
func (db *DB) prepare() error {
	if err := db.setAside(); err != nil {
		return err
	}
	f, err := createTemp(db.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// setAside moves a corrupt file out of the way, once. Only load and the saver
// call it.
func (db *DB) setAside() error {
	if !db.aside {
		return nil
	}
	err := os.Rename(db.path, db.path+corruptSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db.aside = false
	return nil
}

// readFile reads no more than a snapshot can have, and one byte.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(maxFileSize)+1))
}

// createTemp opens the file beside path that becomes the next snapshot. Only
// the user may read it: it tells whom the node knows.
func createTemp(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path+tempSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// writeFile puts data in the place of the file at path, wholly or not at all,
// also over a crash of the machine.
func writeFile(path string, data []byte) error {
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	// The rename itself lasts only once the folder is synced. Not every system
	// can do that, and without it a crash merely leaves the former snapshot.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}
