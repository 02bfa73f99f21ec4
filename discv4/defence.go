package discv4

// Defence is a set of what keeps adversaries from using a machine. [Config] can do
// without them, for simulations that show what each is for.
type Defence uint8

// EndpointProof lets only those be answered, NEIGHBORS above all, who have proven that
// they are where their query says it comes from.
const EndpointProof Defence = 1
