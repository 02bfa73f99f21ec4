package main

// meetings is how many nodes one node meets.
const meetings = 200

// compareMeeting measures the first PING to a node, which takes a handshake: both are in
// one process, and the sockets are part of it.
func (v *protocol) compareMeeting(o options, sides []side) ([]row, error) {
	rows := []row{
		{Work: v.label + "first PING to a node, with a handshake: round trip, median", Unit: microseconds},
	}
	return rows, takeTurns(o.reps, sides, func(s side) error {
		child, err := s.serve(v.prefix + "meet")
		if err != nil {
			return err
		}
		defer child.Close()
		c, err := child.Meet(v.version, meetings)
		if err != nil {
			return err
		}
		rows[0].add(s, float64(c.Wall)/1e3)
		return nil
	})
}
