//go:build libsecp256k1

package secp

/*
#cgo pkg-config: libsecp256k1

#include <string.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>

// One C call does a whole operation: crossing over costs about as much as hashing a
// packet. Keys are 64 bytes (x, y), signatures 65 (r, s, v) or 64 (r, s). All
// return 1 on success.

static secp256k1_context *ctx;

// kith_init makes the context that all calls share and blinds it with 32 random
// bytes. After that it is only read, and so safe for concurrent use.
static int kith_init(const unsigned char *seed) {
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	return ctx != NULL && secp256k1_context_randomize(ctx, seed);
}

static void kith_store(unsigned char *key, const secp256k1_pubkey *p) {
	unsigned char b[65];
	size_t n = sizeof b;
	secp256k1_ec_pubkey_serialize(ctx, b, &n, p, SECP256K1_EC_UNCOMPRESSED);
	memcpy(key, b + 1, 64);
}

static int kith_load(secp256k1_pubkey *p, const unsigned char *key) {
	unsigned char b[65];
	b[0] = 4;
	memcpy(b + 1, key, 64);
	return secp256k1_ec_pubkey_parse(ctx, p, b, sizeof b);
}

static int kith_derive(unsigned char *key, const unsigned char *d) {
	secp256k1_pubkey p;
	if (!secp256k1_ec_pubkey_create(ctx, &p, d)) return 0;
	kith_store(key, &p);
	return 1;
}

static int kith_decompress(unsigned char *key, const unsigned char *c) {
	secp256k1_pubkey p;
	if (!secp256k1_ec_pubkey_parse(ctx, &p, c, 33)) return 0;
	kith_store(key, &p);
	return 1;
}

static int kith_on_curve(const unsigned char *key) {
	secp256k1_pubkey p;
	return kith_load(&p, key);
}

static int kith_sign(unsigned char *sig, const unsigned char *d, const unsigned char *hash) {
	secp256k1_ecdsa_recoverable_signature s;
	int v = 0;
	if (!secp256k1_ecdsa_sign_recoverable(ctx, &s, hash, d, NULL, NULL)) return 0;
	secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, sig, &v, &s);
	sig[64] = v;
	return 1;
}

// kith_recover takes a v of 0 to 3; libsecp256k1 aborts the process on others.
static int kith_recover(unsigned char *key, const unsigned char *hash, const unsigned char *sig) {
	secp256k1_ecdsa_recoverable_signature s;
	secp256k1_pubkey p;
	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &s, sig, sig[64] & 3)) return 0;
	if (!secp256k1_ecdsa_recover(ctx, &p, &s, hash)) return 0;
	kith_store(key, &p);
	return 1;
}

static int kith_verify(const unsigned char *key, const unsigned char *hash, const unsigned char *rs) {
	secp256k1_ecdsa_signature s;
	secp256k1_pubkey p;
	return kith_load(&p, key) &&
		secp256k1_ecdsa_signature_parse_compact(ctx, &s, rs) &&
		secp256k1_ecdsa_verify(ctx, &s, hash, &p);
}

static int kith_compress(unsigned char *out, const unsigned char *x, const unsigned char *y, void *data) {
	(void)data;
	out[0] = 2 | (y[31] & 1);
	memcpy(out + 1, x, 32);
	return 1;
}

static int kith_ecdh(unsigned char *out, const unsigned char *d, const unsigned char *key) {
	secp256k1_pubkey p;
	return kith_load(&p, key) && secp256k1_ecdh(ctx, out, &p, d, kith_compress, NULL);
}

// kith_ecdh_once takes a time that depends on d.
static int kith_ecdh_once(unsigned char *out, const unsigned char *d, const unsigned char *key) {
	secp256k1_pubkey p;
	size_t n = 33;
	return kith_load(&p, key) &&
		secp256k1_ec_pubkey_tweak_mul(ctx, &p, d) &&
		secp256k1_ec_pubkey_serialize(ctx, out, &n, &p, SECP256K1_EC_COMPRESSED);
}

#cgo noescape kith_init
#cgo nocallback kith_init
#cgo noescape kith_derive
#cgo nocallback kith_derive
#cgo noescape kith_decompress
#cgo nocallback kith_decompress
#cgo noescape kith_on_curve
#cgo nocallback kith_on_curve
#cgo noescape kith_sign
#cgo nocallback kith_sign
#cgo noescape kith_recover
#cgo nocallback kith_recover
#cgo noescape kith_verify
#cgo nocallback kith_verify
#cgo noescape kith_ecdh
#cgo nocallback kith_ecdh
#cgo noescape kith_ecdh_once
#cgo nocallback kith_ecdh_once
*/
import "C"

import (
	"crypto/rand"
	"unsafe"
)

// Backend names what does the curve work: "go" or "libsecp256k1".
const Backend = "libsecp256k1"

func init() {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	if C.kith_init(ptr(&seed[0])) != 1 {
		panic("secp: libsecp256k1 can't create its context: out of memory")
	}
}

func ptr(b *byte) *C.uchar { return (*C.uchar)(unsafe.Pointer(b)) }

func derivePublic(d *[32]byte, p *PublicKey) { C.kith_derive(ptr(&p[0]), ptr(&d[0])) }

func decompress(c *[33]byte, p *PublicKey) bool {
	return C.kith_decompress(ptr(&p[0]), ptr(&c[0])) == 1
}

func onCurve(p *PublicKey) bool { return C.kith_on_curve(ptr(&p[0])) == 1 }

func sign(d, hash *[32]byte, sig *Signature) {
	C.kith_sign(ptr(&sig[0]), ptr(&d[0]), ptr(&hash[0]))
}

func recoverKey(hash *[32]byte, sig *Signature, p *PublicKey) bool {
	return C.kith_recover(ptr(&p[0]), ptr(&hash[0]), ptr(&sig[0])) == 1
}

func verify(p *PublicKey, hash *[32]byte, rs *[64]byte) bool {
	return C.kith_verify(ptr(&p[0]), ptr(&hash[0]), ptr(&rs[0])) == 1
}

func ecdh(d *[32]byte, p *PublicKey, shared *[33]byte) bool {
	return C.kith_ecdh(ptr(&shared[0]), ptr(&d[0]), ptr(&p[0])) == 1
}

func ecdhOnce(d *[32]byte, p *PublicKey, shared *[33]byte) bool {
	return C.kith_ecdh_once(ptr(&shared[0]), ptr(&d[0]), ptr(&p[0])) == 1
}
