package peering

import "time"

// history remembers what happened within a fixed time: first in, first out.
type history[K comparable] struct {
	at    map[K]time.Time
	order []K
}

// maxHistory bounds each history. Beyond it the oldest goes early.
const maxHistory = 8192

// has reports whether k happened less than d before now.
func (h *history[K]) has(k K, d time.Duration, now time.Time) bool {
	at, ok := h.at[k]
	return ok && now.Sub(at) < d
}

// add notes that k happens now, unless it has within d.
func (h *history[K]) add(k K, d time.Duration, now time.Time) {
	h.expire(d, now)
	if _, ok := h.at[k]; ok {
		return
	}
	if len(h.order) >= maxHistory {
		h.drop()
	}
	if h.at == nil {
		h.at = make(map[K]time.Time)
	}
	h.at[k] = now
	h.order = append(h.order, k)
}

func (h *history[K]) expire(d time.Duration, now time.Time) {
	for len(h.order) > 0 && now.Sub(h.at[h.order[0]]) >= d {
		h.drop()
	}
	if len(h.order) == 0 {
		h.order, h.at = nil, nil
	}
}

func (h *history[K]) drop() {
	delete(h.at, h.order[0])
	h.order = h.order[1:]
}
