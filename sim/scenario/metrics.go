package scenario

import (
	"slices"

	"github.com/kithnet/kith/sim/report"
)

// Metric is something that is measured.
type Metric struct {
	Name   string
	Unit   report.Unit
	Series bool // it is measured again and again, and can be asked for at a time
	Text   string
}

// Metrics returns all that a run may measure. What has no Series is known at the end.
func Metrics() []Metric { return slices.Clone(metrics) }

var metrics = []Metric{
	{"up", report.Number, true, "nodes that are up"},
	{"filled", report.Share, true, "share of the entries that a table could have, of the median node"},
	{"filled_low", report.Share, true, "the same of the node at the tenth percentile"},
	{"entries", report.Number, true, "entries of a table, on average"},
	{"dead", report.Share, true, "share of the entries of all tables that are down or out of reach"},
	{"alone", report.Share, true, "share of the nodes that have been up for a minute and have no entry"},
	{"packets", report.Number, true, "datagrams that a node sends in a second, on average; at the end of the whole run"},
	{"bytes", report.BytesPerSecond, true, "bytes of datagrams that a node sends in a second, on average; at the end of the whole run"},
	{"connected", report.Share, true, "share of the nodes in the largest part of the network: by connections, or without a server by tables"},
	{"peers", report.Number, true, "connections of the median node"},
	{"peers_low", report.Number, true, "the same of the node at the tenth percentile"},
	{"accuracy", report.Share, true, "share of the 16 nearest that lookups found; at the end of the last lookups"},
	{"accuracy_all", report.Share, false, "the same of all lookups of the run"},
	{"accuracy_v4", report.Share, false, "in a network of several protocols the same of the last lookups by nodes of v4 alone"},
	{"accuracy_v5", report.Share, false, "by nodes of v5 alone"},
	{"accuracy_both", report.Share, false, "and by those that speak both"},
	{"hops_mean", report.Number, true, "nodes asked one after the other to get to the nearest one, on average"},
	{"hops_median", report.Number, false, "nodes asked one after the other to get to the nearest one, in the median lookup"},
	{"hops_p90", report.Number, false, "and at the 90th percentile"},
	{"lookup_time", report.Seconds, true, "time that the median lookup took"},
	{"lookup_time_p90", report.Seconds, false, "the same at the 90th percentile"},
	{"queries", report.Number, true, "nodes that a lookup asked, on average"},
	{"timeouts", report.Share, true, "share of the queries of lookups that were not answered"},
	{"first_neighbour", report.Seconds, false, "from a node's start until its table has an entry: median"},
	{"first_neighbour_p90", report.Seconds, false, "the same at the 90th percentile"},
	{"full_table", report.Seconds, false, "from a node's start until its table has nine tenths of its possible entries: median"},
	{"full_table_p90", report.Seconds, false, "the same at the 90th percentile"},
	{"enough_peers", report.Seconds, false, "from a node's start until it has as many peers as [server] want: median"},
	{"enough_peers_p90", report.Seconds, false, "the same at the 90th percentile"},
	{"table_share", report.Share, true, "adversaries' share of the entries in the table of their victim, or of the average node"},
	{"lookup_share", report.Share, true, "adversaries' share of what lookups of their victim, or of all, find"},
	{"outbound_share", report.Share, true, "adversaries' share of the peers that their victim, or the average node, dialed"},
	{"peer_share", report.Share, true, "their share of all its peers"},
	{"address_share", report.Share, false, "their share of all addresses"},
	{"victim_bytes", report.BytesPerSecond, true, "datagrams that the victim receives"},
	{"diameter", report.Number, false, "the longest of all shortest ways over connections (or tables), at least"},
	{"components", report.Number, false, "parts of the network that are not connected to each other"},
}

// metric returns what is measured under a name.
func metric(name string) (m Metric, ok bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return m, false
	}
	return metrics[i], true
}
