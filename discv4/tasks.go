package discv4

import "time"

// schedule has a call go on after d, instead of when it was scheduled for before.
func (m *Machine) schedule(c *call, d time.Duration) {
	c.task.Owner = c
	m.tasks.Schedule(&c.task, m.at+int64(d))
}

func (m *Machine) unschedule(c *call) { m.tasks.Cancel(&c.task) }

// runTasks runs what is due.
func (m *Machine) runTasks() {
	for c, ok := m.tasks.Pop(m.at); ok; c, ok = m.tasks.Pop(m.at) {
		m.goOn(c)
	}
}

func (m *Machine) goOn(c *call) {
	if c.ping != nil {
		m.pingDue(c.ping)
	} else {
		m.requestDue(c.req)
	}
}

// keepBonded is the room for requests that wait for a PING that is kept when there are
// none.
const keepBonded = 32

// rest gives back what a burst has left.
func (m *Machine) rest() {
	m.tasks.Trim()
	if c := &m.calls; len(c.bonded) == 0 && cap(c.bonded) > keepBonded {
		c.bonded = nil
	}
}
