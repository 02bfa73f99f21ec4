package scenario

import "time"

// churnPresets are session lengths as they were published. None of the studies gives
// the time that nodes are away as a distribution: ours is the same as that of sessions,
// so that half of the nodes are there. docs/simulator.md says more.
var churnPresets = map[string]Churn{
	// Trautwein et al., "Design and Evaluation of IPFS" (SIGCOMM 2022): 87.6 % of
	// 467,134 sessions of DHT servers were under 8 hours and 2.5 % above 24. Shape
	// and scale are ours: the Weibull distribution through these two points. Its
	// median is 57 minutes; the study has 24 minutes to twice that by country, and the
	// same crawler's report of 2022 "50 % within 2 hours, 80 % within 8".
	"ipfs-2022": sessions(Span{Weibull: 0.52, Scale: 116 * time.Minute}),

	// Nobody whom we could read has published a distribution for Ethereum's network:
	// Kim et al., "Measuring Ethereum Network Peers" (IMC 2018) and Gao et al. (ISCC
	// 2019) were not to be had. This is ipfs-2022, the nearest relative that was
	// measured: a Kademlia network of servers, of today. Ethereum's nodes, which
	// take days to synchronize, will rather stay longer.
	"mainnet-like": sessions(Span{Weibull: 0.52, Scale: 116 * time.Minute}),

	// Steiner, En-Najjary, Biersack, "Long Term Study of Peer Behavior in the KAD DHT"
	// (IEEE/ACM ToN 17(5), 2009): Weibull, with a shape below 1; Heep, "R/Kademlia"
	// (2010), uses 0.5 after it. The mean of 10,000 seconds, and so the scale of 5,000,
	// is the one usual in simulations, not measured.
	"kad-2009": sessions(Span{Weibull: 0.5, Scale: 5000 * time.Second}),

	// Stutzbach, Rejaie, "Understanding Churn in Peer-to-Peer Networks" (IMC 2006):
	// BitTorrent, the Debian swarm: shape 0.38, scale 42.4; that these are minutes is
	// our reading. The harshest of all: half of the sessions are under 17 minutes.
	"bittorrent-2006": sessions(Span{Weibull: 0.38, Scale: 2544 * time.Second}),
}

func sessions(up Span) Churn {
	down := up
	return Churn{Share: 1, Up: &up, Down: &down, Settled: true}
}

// regionPresets are places and what lies between them.
var regionPresets = map[string]Regions{
	// Half of the mean round trips between AWS's regions of North Virginia, Oregon,
	// Frankfurt, Singapore, Tokyo and São Paulo of 2017, as listed in
	// https://acomputerscientistlearnsaws.blogspot.com/2017/04/aws-regions.html. Within
	// a region: 10 ms, typical of access lines, not measured; so are the shares.
	"cloud-2017": {
		Names:  []string{"us-east", "us-west", "europe", "singapore", "tokyo", "sao-paulo"},
		Shares: []float64{0.25, 0.15, 0.35, 0.1, 0.1, 0.05},
		OneWay: [][]float64{
			{10, 44, 44, 108, 73, 60},
			{44, 10, 80, 81, 45, 91},
			{44, 80, 10, 163, 118, 97},
			{108, 81, 163, 10, 37, 164},
			{73, 45, 118, 37, 10, 128},
			{60, 91, 97, 164, 128, 10},
		},
	},
}
