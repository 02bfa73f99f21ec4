package sim

import (
	"fmt"
	"math"
	"time"
)

// Bounds of what may be asked for, so that no time overflows whatever is drawn: a
// packet is late by at most a hundred tails, some four days.
const (
	// MaxDelay bounds each time of a [Link], and between regions.
	MaxDelay = time.Hour

	// MaxAge bounds the age of a World, and whatever is drawn by a [Span].
	MaxAge = 1000 * 24 * time.Hour
)

// check says what can't be about a config.
func (c *Config) check() error {
	l := &c.Link
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"latency", l.Latency}, {"jitter", l.Jitter}, {"tail", l.Tail}} {
		if err := checkDelay("link: "+d.name, d.is); err != nil {
			return err
		}
	}
	for _, s := range []struct {
		name string
		is   float64
	}{{"loss", l.Loss}, {"duplicate", l.Duplicate}} {
		if !(s.is >= 0 && s.is <= 1) {
			return fmt.Errorf("sim: link: %s of %v, want a share from 0 to 1", s.name, s.is)
		}
	}
	for i, row := range c.Regions {
		if len(row) != len(c.Regions) {
			return fmt.Errorf("sim: regions: row %d has %d times, want %d", i, len(row), len(c.Regions))
		}
		for j, d := range row {
			if err := checkDelay(fmt.Sprintf("regions: from %d to %d", i, j), d); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkDelay(name string, d time.Duration) error {
	if d < 0 || d > MaxDelay {
		return fmt.Errorf("sim: %s: %v, want a time up to %v", name, d, MaxDelay)
	}
	return nil
}

// check says what can't be about when a host comes and goes. What a Span that is none of
// this package's draws is put within bounds when it is drawn.
func (s *Sessions) check() error {
	if s.Up == nil {
		return nil
	}
	if err := checkSpan(s.Up); err != nil {
		return fmt.Errorf("sessions: up: %w", err)
	}
	if err := checkSpan(s.Down); err != nil {
		return fmt.Errorf("sessions: down: %w", err)
	}
	return nil
}

func checkSpan(s Span) error {
	typical := time.Second // what a distribution is a multiple of
	switch s := s.(type) {
	case nil:
		return fmt.Errorf("is missing")
	case Constant:
		typical = time.Duration(s)
	case Exponential:
		typical = time.Duration(s)
	case Weibull:
		if typical = s.Scale; !(s.Shape > 0) || math.IsInf(s.Shape, 1) {
			return fmt.Errorf("%T: a shape of %v, want a number above 0", s, s.Shape)
		}
	case LogNormal:
		if typical = s.Median; !(s.Sigma >= 0) || math.IsInf(s.Sigma, 1) {
			return fmt.Errorf("%T: a sigma of %v, want a number from 0", s, s.Sigma)
		}
	}
	if typical <= 0 {
		return fmt.Errorf("%T: %v, want a time above 0", s, typical)
	}
	return nil
}
