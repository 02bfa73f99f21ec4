package sim

// calendar holds a worker's events by day: a day is as long as the least time that a
// packet takes, so that whatever is sent on one arrives on a later one. A day's events
// come out together, in no order.
type calendar struct {
	length int64 // of a day, in nanoseconds
	today  int64 // no event is of a day before
	days   [yearDays]*page
	far    queue // later than a year from today
	free   *page // for use again
	spare  int   // how many
}

const (
	// yearDays is how many days are kept apart: with days of 10 ms more than two
	// seconds, in which nearly every packet arrives.
	yearDays = 256

	// pageEvents makes a page a kilobyte.
	pageEvents = 31

	// maxSpare bounds the pages that are kept for use again: half a megabyte.
	maxSpare = 1 << 9
)

// page is a part of a day's events, the last first.
type page struct {
	events [pageEvents]event
	n      int
	before *page
}

func (c *calendar) day(at int64) int64 { return at / c.length }

// add takes an event.
func (c *calendar) add(e event) {
	day := c.day(e.at)
	if day >= c.today+yearDays {
		c.far.push(e)
		return
	}
	at := &c.days[day%yearDays]
	p := *at
	if p == nil || p.n == pageEvents {
		p = c.newPage()
		p.before, *at = *at, p
	}
	p.events[p.n] = e
	p.n++
}

func (c *calendar) newPage() *page {
	p := c.free
	if p == nil {
		return new(page)
	}
	c.free, p.before = p.before, nil
	c.spare--
	return p
}

// next returns the first day that has events, forEver if there is none.
func (c *calendar) next() int64 {
	for day := c.today; day < c.today+yearDays; day++ {
		if c.days[day%yearDays] != nil {
			return day
		}
	}
	if len(c.far) > 0 {
		return c.day(c.far[0].at)
	}
	return forEver
}

// turn makes a day today. There must be no event of a day before.
func (c *calendar) turn(day int64) {
	c.today = day
	for len(c.far) > 0 && c.day(c.far[0].at) < day+yearDays {
		c.add(c.far.pop())
	}
}

// take appends today's events before a time to dst.
func (c *calendar) take(dst []event, until int64) []event {
	at := &c.days[c.today%yearDays]
	p := *at
	*at = nil
	for p != nil {
		for i := range p.n {
			if e := &p.events[i]; e.at < until {
				dst = append(dst, *e)
			} else {
				c.add(*e)
			}
		}
		before := p.before
		if *p = (page{}); c.spare < maxSpare {
			p.before, c.free = c.free, p
			c.spare++
		}
		p = before
	}
	return dst
}
