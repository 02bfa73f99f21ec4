package sim

import (
	"fmt"
	"time"
)

// Rule names what must always hold.
type Rule string

// The rules.
const (
	RuleBucket        Rule = "bucket"        // buckets within their bounds, everybody in the right one, once
	RuleDiversity     Rule = "diversity"     // no more nodes of one network than there may be
	RuleLiveness      Rule = "liveness"      // no entry that never answered, and none such handed out
	RuleRequestEnds   Rule = "request-ends"  // every request ends
	RuleDoneOnce      Rule = "done-once"     // and says so once
	RuleBounds        Rule = "bounds"        // queues and memory within their bounds
	RuleAmplification Rule = "amplification" // little is sent to who proved nothing
	RuleStranded      Rule = "stranded"      // who can reach a bootnode finds somebody
	RuleAccuracy      Rule = "accuracy"      // lookups find the nearest
)

// Broken is the error of a run in which a rule did not hold.
type Broken struct {
	Seed   uint64
	At     time.Duration // of the World
	Host   int           // its index; -1: none in particular
	Rule   Rule
	Detail string
}

func (b *Broken) Error() string {
	who := ""
	if b.Host >= 0 {
		who = fmt.Sprintf(" host %d:", b.Host)
	}
	return fmt.Sprintf("sim: seed %d, at %v:%s rule %q is broken: %s", b.Seed, b.At, who, b.Rule, b.Detail)
}

// breaks notes the first rule that a host breaks, for the next Check.
func (h *Host) breaks(r Rule, format string, args ...any) {
	if h.checks.broken == nil {
		h.checks.broken = &Broken{h.world.cfg.Seed, time.Duration(h.at), int(h.index), r, fmt.Sprintf(format, args...)}
	}
}

// fail ends the run, if it has not ended.
func (w *World) fail(b *Broken) error {
	if w.broken == nil {
		w.broken = b
	}
	return w.broken
}
