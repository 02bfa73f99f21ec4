package nodedb

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// saveInterval is the least time between two snapshots of changed entries,
	// and after one that failed. What half a minute brings is soon found again;
	// a megabyte every half minute harms no disk.
	saveInterval = 30 * time.Second

	// hurryInterval is the least time when the local record has changed. That
	// one should not be lost: its sequence number must not be given twice.
	hurryInterval = time.Second
)

// A saver is the goroutine that writes a DB's snapshots. A nil saver does
// nothing.
type saver struct {
	woken   chan struct{} // something changed
	hurried chan struct{} // the local record changed
	once    sync.Once
	quit    chan struct{} // closed by stop
	done    chan struct{} // closed when the goroutine has ended
}

func startSaver(db *DB) *saver {
	s := &saver{
		woken:   make(chan struct{}, 1),
		hurried: make(chan struct{}, 1),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go s.run(db)
	return s
}

func (s *saver) wake() {
	if s != nil {
		poke(s.woken)
	}
}

func (s *saver) hurry() {
	if s != nil {
		poke(s.hurried)
	}
}

// poke leaves a signal, if there is not one already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stop has the goroutine write what is left, and waits for its end.
func (s *saver) stop() {
	s.once.Do(func() { close(s.quit) })
	<-s.done
}

func (s *saver) run(db *DB) {
	defer close(s.done)
	timer := time.NewTimer(0)
	timer.Stop()
	last, due := time.Now(), time.Time{} // zero: nothing to do
	plan := func(wait time.Duration) {
		if at := last.Add(wait); due.IsZero() || at.Before(due) {
			due = at
			timer.Reset(time.Until(at))
		}
	}
	if db.Err() != nil {
		plan(saveInterval)
	}
	for {
		select {
		case <-s.quit:
			db.save()
			return
		case <-s.woken:
			plan(saveInterval)
		case <-s.hurried:
			plan(hurryInterval)
		case <-timer.C:
			ok := db.save()
			last, due = time.Now(), time.Time{}
			if !ok {
				plan(saveInterval)
			}
		}
	}
}

// save writes a snapshot if anything differs from the last, and reports whether
// all is on the disk now. Only the saver calls it.
func (db *DB) save() (ok bool) {
	db.mu.Lock()
	if !db.dirty {
		db.mu.Unlock()
		return true
	}
	all, local, before := slices.Clone(db.items.heap), db.local, db.err
	db.dirty = false
	db.mu.Unlock()

	err := db.setAside()
	if err == nil {
		err = db.write(db.path, encodeSnapshot(local, all))
	}
	if err != nil {
		err = fmt.Errorf("nodedb: cannot write: %w", err)
	}

	db.mu.Lock()
	db.err = err
	db.dirty = db.dirty || err != nil
	db.mu.Unlock()
	switch {
	case err != nil && before == nil:
		db.log.Warn("nodedb: snapshot failed, trying again", "path", db.path, "err", err)
	case err == nil && before != nil:
		db.log.Info("nodedb: snapshots succeed again", "path", db.path)
	}
	return err == nil
}
