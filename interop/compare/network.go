package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/kithnet/kith/interop/internal/control"
)

// filled is the share of the possible table that counts as a full one.
const filled = 0.9

// compareFilling measures how long the nodes of a network take to know it.
func (v *protocol) compareFilling(o options, sides []side) ([]row, error) {
	rows := []row{{
		Work: v.label + fmt.Sprintf("network of %d from one bootnode: nine tenths of the table filled in the median node", o.fill),
		Unit: seconds,
	}}
	return rows, takeTurns(o.reps, sides, func(s side) error {
		f, err := v.fillOnce(o, s)
		if err != nil {
			return err
		}
		rows[0].add(s, f.After.Seconds())
		if f.Median < filled {
			rows[0].Remarks[s.index] = fmt.Sprintf("given up at %.0f %%, %.1f of %.0f entries", 100*f.Median, f.Entries, f.Possible)
		}
		return nil
	})
}

func (v *protocol) fillOnce(o options, s side) (control.Fill, error) {
	child, err := s.serve(v.prefix + "fill")
	if err != nil {
		return control.Fill{}, err
	}
	defer child.Close()
	if _, err := child.Start(v.version, o.fill); err != nil {
		return control.Fill{}, err
	}
	return child.AwaitFill(filled, o.limit)
}

// networkRows are the rows of compareNetworks.
type networkRows struct {
	speak *protocol

	lookup, resident, collected, goroutines row
}

// compareNetworks measures a settled network of nodes in one process, one side
// after the other.
func (v *protocol) compareNetworks(o options, sides []side) ([]row, error) {
	prefix := v.label + fmt.Sprintf("network of %d in one process: ", o.nodes)
	r := networkRows{
		speak:      v,
		lookup:     row{Work: prefix + "lookup, median", Unit: milliseconds},
		resident:   row{Work: prefix + "resident memory a node", Unit: kilobytes},
		collected:  row{Work: prefix + "resident memory a node after a collection", Unit: kilobytes},
		goroutines: row{Work: prefix + "goroutines a node", Unit: count},
	}
	var errs []error
	for _, s := range sides {
		if err := r.measure(o, s); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name(), err))
		}
	}
	return []row{r.lookup, r.resident, r.collected, r.goroutines}, errors.Join(errs...)
}

func (r *networkRows) measure(o options, s side) error {
	child, err := s.serve(r.speak.prefix + "network")
	if err != nil {
		return err
	}
	defer child.Close()
	empty, err := child.Usage()
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, err := child.Start(r.speak.version, o.nodes); err != nil {
		return err
	}
	fill, err := child.AwaitFill(filled, o.settle)
	if err != nil {
		return err
	}
	time.Sleep(o.settle - time.Since(begin))
	settled, err := child.Usage()
	if err != nil {
		return err
	}
	nodes := float64(o.nodes)
	used := settled.Sub(empty)
	r.resident.add(s, float64(used.Resident)/1e3/nodes)
	r.goroutines.add(s, float64(used.Goroutines)/nodes)
	r.resident.Remarks[s.index] = fmt.Sprintf("tables %.0f %% filled after %.0f s", 100*fill.Median, fill.After.Seconds())
	collected, err := child.Collect()
	if err != nil {
		return err
	}
	r.collected.add(s, float64(collected.Sub(empty).Resident)/1e3/nodes)
	return r.lookups(o, s, child)
}

func (r *networkRows) lookups(o options, s side, child *control.Child) error {
	lookups, err := child.Lookups(o.lookups)
	if err != nil {
		return err
	}
	var right, possible int
	for _, l := range lookups {
		r.lookup.add(s, float64(l.Took)/1e6)
		right += l.Right
		possible += l.Possible
	}
	r.lookup.Remarks[s.index] = fmt.Sprintf("%.1f %% of the nearest nodes found", 100*float64(right)/float64(max(possible, 1)))
	return nil
}
