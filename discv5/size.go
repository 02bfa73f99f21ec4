package discv5

// Size returns how many bytes Seal appends, which costs no cryptography.
func (o *Out) Size() int {
	const head = ivSize + staticSize
	switch {
	case o.Header.Flag == Whoareyou:
		return head + whoareyouSize
	case o.Header.Flag == Handshake:
		return head + handshakeSize + len(o.Header.Record) + o.Message.Size() + tagSize
	case o.Session == nil:
		return head + ordinarySize + noiseSize
	}
	return head + ordinarySize + o.Message.Size() + tagSize
}

// Challenge returns the challenge that a packet answers which needs keys; of others it
// means nothing. A simulation puts it in the place of the ID signature.
func (o *Out) Challenge() ChallengeData { return o.challenge }

// Challenge returns the challenge that the answer must be to. A simulation compares it
// with what was answered.
func (a *Accept) Challenge() ChallengeData { return a.challenge }
