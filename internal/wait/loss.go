package wait

// lossGain is how much one answer counts in the estimate: few are lost in a row by
// chance, and a dozen seconds of a table that fills are enough to learn.
const lossGain = 1.0 / 64

// Loss is which share of requests to nodes that are there has to be sent again, over all
// nodes together: either the request is lost, or its answer. The zero value knows of none.
type Loss struct{ share float64 }

// Observe takes an answer: whether the request had to be sent again for it.
func (l *Loss) Observe(again bool) {
	seen := 0.0
	if again {
		seen = 1
	}
	l.share += float64((seen - l.share) * lossGain)
}

// Share is the estimate, 0 to 1.
func (l *Loss) Share() float64 { return l.share }
