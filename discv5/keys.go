package discv5

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

const (
	keyAgreementText  = "discovery v5 key agreement"
	identityProofText = "discovery v5 identity proof"
)

// Keys are the keys of a session: each side writes with one of them. 32 bytes are
// all that a session is; a [Cipher] can be made of them at any time.
type Keys struct {
	Initiator [16]byte // what the initiator of the handshake writes with
	Recipient [16]byte // what the recipient, who sent WHOAREYOU, writes with
}

// DeriveKeys makes a session's keys of the secret that ECDH gave, the initiator's
// and the recipient's node ID, and the challenge (discv5-theory.md, "Step 3"):
// HKDF-SHA256 with the challenge data as salt and the secret as input. It has no
// side and checks nothing; see [Header.Initiate] and [Header.Accept].
func DeriveKeys(secret *[33]byte, initiator, recipient enode.ID, c *ChallengeData) (k Keys) {
	var info [len(keyAgreementText) + 32 + 32]byte
	copy(info[:], keyAgreementText)
	copy(info[len(keyAgreementText):], initiator[:])
	copy(info[len(keyAgreementText)+32:], recipient[:])
	// The only errors are for more output than 255 hashes and for weak hashes.
	data, _ := hkdf.Key(sha256.New, secret[:], c[:], string(info[:]), 32)
	copy(k.Initiator[:], data)
	copy(k.Recipient[:], data[min(16, len(data)):])
	return k
}

// identityHash is what an ID signature signs (discv5-theory.md, "Step 3").
func identityHash(c *ChallengeData, ephemeral *[33]byte, recipient enode.ID) [32]byte {
	var input [len(identityProofText) + len(c) + len(ephemeral) + len(recipient)]byte
	b := append(input[:0], identityProofText...)
	b = append(b, c[:]...)
	b = append(b, ephemeral[:]...)
	b = append(b, recipient[:]...)
	return sha256.Sum256(b)
}

// Initiate answers a challenge: it sets h.Ephemeral and h.Signature and returns the
// keys. h.Src is the own node's ID, key its key, eph a fresh random key that is used
// for nothing else; recipient and to are ID and key of the node that sent the
// challenge. It costs a signature and two multiplications on the curve. The error,
// [secp.ErrPublicKey], is for a recipient's key that is not on the curve.
func (h *Header) Initiate(key *secp.PrivateKey, eph secp.OneTimeKey, recipient enode.ID, to *secp.PublicKey, c *ChallengeData) (Keys, error) {
	secret, err := eph.ECDH(to)
	if err != nil {
		return Keys{}, err
	}
	h.Ephemeral = eph.Public().Compressed()
	hash := identityHash(c, &h.Ephemeral, recipient)
	sig := key.Sign(&hash)
	copy(h.Signature[:], sig[:])
	return DeriveKeys(&secret, h.Src, recipient, c), nil
}

// Accept checks the answer to a challenge and returns the keys: that the ephemeral
// key is on the curve, and that the ID signature over the challenge, that key and
// the own ID was made by from, the key of the node whose ID is h.Src. own is the ID
// of the own node and key its key. It costs a verification and a multiplication on
// the curve. The keys are those of the sender only once the message opens under
// them.
func (h *Header) Accept(key *secp.PrivateKey, own enode.ID, from *secp.PublicKey, c *ChallengeData) (Keys, Drop) {
	eph, err := secp.ParsePublicKey(h.Ephemeral[:])
	if err != nil {
		return Keys{}, DropEphemeral
	}
	hash := identityHash(c, &h.Ephemeral, own)
	if !from.Verify(&hash, h.Signature[:]) {
		return Keys{}, DropSignature
	}
	secret, err := key.ECDH(&eph)
	if err != nil {
		return Keys{}, DropEphemeral
	}
	return DeriveKeys(&secret, h.Src, own, c), DropNone
}

// Cipher is a session's AES-GCM ready for use: one key expanded to write with, one
// to read with. The zero value is no session. It is small, but what it refers to
// takes 1,536 bytes, so that one who has very many sessions may rather keep [Keys]
// and make it anew. It is immutable, copies share it, and it is safe for concurrent
// use.
type Cipher struct{ seal, open cipher.AEAD }

// ForInitiator returns the cipher of the side that answered the challenge.
func (k *Keys) ForInitiator() Cipher { return NewCipher(&k.Initiator, &k.Recipient) }

// ForRecipient returns the cipher of the side that sent the challenge.
func (k *Keys) ForRecipient() Cipher { return NewCipher(&k.Recipient, &k.Initiator) }

// NewCipher returns a cipher that writes with one key and reads with the other.
func NewCipher(write, read *[16]byte) Cipher {
	return Cipher{seal: newGCM(write), open: newGCM(read)}
}

// newGCM expands a key. Of 16 bytes no error can come.
func newGCM(key *[16]byte) cipher.AEAD {
	block, _ := aes.NewCipher(key[:])
	gcm, _ := cipher.NewGCM(block)
	return gcm
}
