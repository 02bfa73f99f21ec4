//go:build !libsecp256k1

package secp

// Backend names what does the curve work: "go" or "libsecp256k1".
const Backend = "go"

func derivePublic(d *[32]byte, p *PublicKey)                       { goDerivePublic(d, p) }
func decompress(c *[33]byte, p *PublicKey) bool                    { return goDecompress(c, p) }
func onCurve(p *PublicKey) bool                                    { return goOnCurve(p) }
func sign(d, hash *[32]byte, sig *Signature)                       { goSign(d, hash, sig) }
func recoverKey(hash *[32]byte, sig *Signature, p *PublicKey) bool { return goRecover(hash, sig, p) }
func verify(p *PublicKey, hash *[32]byte, rs *[64]byte) bool       { return goVerify(p, hash, rs) }
func ecdh(d *[32]byte, p *PublicKey, shared *[33]byte) bool        { return goECDH(d, p, shared) }
func ecdhOnce(d *[32]byte, p *PublicKey, shared *[33]byte) bool    { return goECDH(d, p, shared) }
