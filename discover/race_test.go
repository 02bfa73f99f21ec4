//go:build race

package discover

// raceEnabled says that signatures take some twenty times longer than usual.
const raceEnabled = true
