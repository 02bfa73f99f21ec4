//go:build !purego

#include "textflag.h"

// Keccak-f[1600] with a lane in each of X0 to X24, for processors with AVX-512VL,
// which have 32 registers, a rotation (VPROLQ) and any function of three bits
// (VPTERNLOGQ). The steps are those of
// permuteLanes.
//
// A row is computed in the five registers that its lanes come from, shifted such
// that after four rounds each lane is where it was: after n rounds lane (x, y) is in
// the register of (1 0; 1 2)^n (x, y). So nothing is copied between rounds.

// The parities of the columns, then what theta adds to each, then temporaries.
#define C0 X25
#define C1 X26
#define C2 X27
#define C3 X28
#define C4 X29
#define D0 X30
#define D1 X31
#define D2 X28
#define D3 X29
#define D4 X25
#define T0 X26
#define T1 X27

// PARITY sets c to the sum of a column.
#define PARITY(c, a0, a1, a2, a3, a4) \
	VMOVDQA64 a0, c \
	VPTERNLOGQ $0x96, a1, a2, c \
	VPTERNLOGQ $0x96, a3, a4, c

// SPREAD sets D0 to D4 from C0 to C4, in an order in which none is overwritten that is
// still to be used.
#define SPREAD \
	VPROLQ $1, C1, D0 \
	VPXORQ C4, D0, D0 \
	VPROLQ $1, C2, D1 \
	VPXORQ C0, D1, D1 \
	VPROLQ $1, C0, D4 \
	VPXORQ C3, D4, D4 \
	VPROLQ $1, C3, D2 \
	VPXORQ C1, D2, D2 \
	VPROLQ $1, C4, D3 \
	VPXORQ C2, D3, D3

// LANE is theta, rho and pi of one lane.
#define LANE(d, n, from, to) \
	VPXORQ d, from, T1 \
	VPROLQ n, T1, to

// CHI is chi of a row.
#define CHI(b0, b1, b2, b3, b4) \
	VMOVDQA64 b0, T0 \
	VMOVDQA64 b1, T1 \
	VPTERNLOGQ $0xD2, b2, b1, b0 \
	VPTERNLOGQ $0xD2, b3, b2, b1 \
	VPTERNLOGQ $0xD2, b4, b3, b2 \
	VPTERNLOGQ $0xD2, T0, b4, b3 \
	VPTERNLOGQ $0xD2, T1, T0, b4

// ROW0 to ROW4 are the rows of the next state. s0 to s4 hold what becomes their
// lanes 0 to 4 by rho and pi.
#define ROW0(s0, s1, s2, s3, s4) \
	VPXORQ D0, s0, s0 \
	LANE(D1, $44, s1, s1) \
	LANE(D2, $43, s2, s2) \
	LANE(D3, $21, s3, s3) \
	LANE(D4, $14, s4, s4) \
	CHI(s0, s1, s2, s3, s4)

#define ROW1(s0, s1, s2, s3, s4) \
	LANE(D3, $28, s0, T0) \
	LANE(D1, $45, s3, s0) \
	LANE(D4, $20, s1, s3) \
	LANE(D2, $61, s4, s1) \
	LANE(D0, $3, s2, s4) \
	VMOVDQA64 T0, s2 \
	CHI(s2, s3, s4, s0, s1)

#define ROW2(s0, s1, s2, s3, s4) \
	LANE(D1, $1, s0, T0) \
	LANE(D2, $6, s1, s0) \
	LANE(D3, $25, s2, s1) \
	LANE(D4, $8, s3, s2) \
	LANE(D0, $18, s4, s3) \
	VMOVDQA64 T0, s4 \
	CHI(s4, s0, s1, s2, s3)

#define ROW3(s0, s1, s2, s3, s4) \
	LANE(D4, $27, s0, T0) \
	LANE(D3, $56, s4, s0) \
	LANE(D2, $15, s3, s4) \
	LANE(D1, $10, s2, s3) \
	LANE(D0, $36, s1, s2) \
	VMOVDQA64 T0, s1 \
	CHI(s1, s2, s3, s4, s0)

#define ROW4(s0, s1, s2, s3, s4) \
	LANE(D2, $62, s0, T0) \
	LANE(D4, $39, s2, s0) \
	LANE(D1, $2, s4, s2) \
	LANE(D3, $55, s1, s4) \
	LANE(D0, $41, s3, s1) \
	VMOVDQA64 T0, s3 \
	CHI(s3, s4, s0, s1, s2)

// XOR adds eight bytes of input to a lane.
#define XOR(i, lane) \
	VMOVQ 8*i(SI), T0 \
	VPXORQ T0, lane, lane

// func permuteVL(a *[25]uint64, p *byte, n int)
TEXT ·permuteVL(SB), NOSPLIT, $0-24
	MOVQ a+0(FP), AX
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), DX
	VMOVQ 0(AX), X0
	VMOVQ 8(AX), X1
	VMOVQ 16(AX), X2
	VMOVQ 24(AX), X3
	VMOVQ 32(AX), X4
	VMOVQ 40(AX), X5
	VMOVQ 48(AX), X6
	VMOVQ 56(AX), X7
	VMOVQ 64(AX), X8
	VMOVQ 72(AX), X9
	VMOVQ 80(AX), X10
	VMOVQ 88(AX), X11
	VMOVQ 96(AX), X12
	VMOVQ 104(AX), X13
	VMOVQ 112(AX), X14
	VMOVQ 120(AX), X15
	VMOVQ 128(AX), X16
	VMOVQ 136(AX), X17
	VMOVQ 144(AX), X18
	VMOVQ 152(AX), X19
	VMOVQ 160(AX), X20
	VMOVQ 168(AX), X21
	VMOVQ 176(AX), X22
	VMOVQ 184(AX), X23
	VMOVQ 192(AX), X24

block:
	TESTQ SI, SI
	JZ permute
	XOR(0, X0)
	XOR(1, X1)
	XOR(2, X2)
	XOR(3, X3)
	XOR(4, X4)
	XOR(5, X5)
	XOR(6, X6)
	XOR(7, X7)
	XOR(8, X8)
	XOR(9, X9)
	XOR(10, X10)
	XOR(11, X11)
	XOR(12, X12)
	XOR(13, X13)
	XOR(14, X14)
	XOR(15, X15)
	XOR(16, X16)
	ADDQ $136, SI

permute:
	LEAQ ·roundConstants(SB), BX
	MOVQ $6, CX

rounds:
	PARITY(C0, X0, X5, X10, X15, X20)
	PARITY(C1, X1, X6, X11, X16, X21)
	PARITY(C2, X2, X7, X12, X17, X22)
	PARITY(C3, X3, X8, X13, X18, X23)
	PARITY(C4, X4, X9, X14, X19, X24)
	SPREAD
	ROW0(X0, X6, X12, X18, X24)
	VPXORQ.BCST 0(BX), X0, X0
	ROW1(X3, X9, X10, X16, X22)
	ROW2(X1, X7, X13, X19, X20)
	ROW3(X4, X5, X11, X17, X23)
	ROW4(X2, X8, X14, X15, X21)

	PARITY(C0, X0, X10, X20, X5, X15)
	PARITY(C1, X6, X16, X1, X11, X21)
	PARITY(C2, X12, X22, X7, X17, X2)
	PARITY(C3, X18, X3, X13, X23, X8)
	PARITY(C4, X24, X9, X19, X4, X14)
	SPREAD
	ROW0(X0, X16, X7, X23, X14)
	VPXORQ.BCST 8(BX), X0, X0
	ROW1(X18, X9, X20, X11, X2)
	ROW2(X6, X22, X13, X4, X15)
	ROW3(X24, X10, X1, X17, X8)
	ROW4(X12, X3, X19, X5, X21)

	PARITY(C0, X0, X20, X15, X10, X5)
	PARITY(C1, X16, X11, X6, X1, X21)
	PARITY(C2, X7, X2, X22, X17, X12)
	PARITY(C3, X23, X18, X13, X8, X3)
	PARITY(C4, X14, X9, X4, X24, X19)
	SPREAD
	ROW0(X0, X11, X22, X8, X19)
	VPXORQ.BCST 16(BX), X0, X0
	ROW1(X23, X9, X15, X1, X12)
	ROW2(X16, X2, X13, X24, X5)
	ROW3(X14, X20, X6, X17, X3)
	ROW4(X7, X18, X4, X10, X21)

	PARITY(C0, X0, X15, X5, X20, X10)
	PARITY(C1, X11, X1, X16, X6, X21)
	PARITY(C2, X22, X12, X2, X17, X7)
	PARITY(C3, X8, X23, X13, X3, X18)
	PARITY(C4, X19, X9, X24, X14, X4)
	SPREAD
	ROW0(X0, X1, X2, X3, X4)
	VPXORQ.BCST 24(BX), X0, X0
	ROW1(X8, X9, X5, X6, X7)
	ROW2(X11, X12, X13, X14, X10)
	ROW3(X19, X15, X16, X17, X18)
	ROW4(X22, X23, X24, X20, X21)

	ADDQ $32, BX
	DECQ CX
	JNZ rounds
	DECQ DX
	JNZ block
	VMOVQ X0, 0(AX)
	VMOVQ X1, 8(AX)
	VMOVQ X2, 16(AX)
	VMOVQ X3, 24(AX)
	VMOVQ X4, 32(AX)
	VMOVQ X5, 40(AX)
	VMOVQ X6, 48(AX)
	VMOVQ X7, 56(AX)
	VMOVQ X8, 64(AX)
	VMOVQ X9, 72(AX)
	VMOVQ X10, 80(AX)
	VMOVQ X11, 88(AX)
	VMOVQ X12, 96(AX)
	VMOVQ X13, 104(AX)
	VMOVQ X14, 112(AX)
	VMOVQ X15, 120(AX)
	VMOVQ X16, 128(AX)
	VMOVQ X17, 136(AX)
	VMOVQ X18, 144(AX)
	VMOVQ X19, 152(AX)
	VMOVQ X20, 160(AX)
	VMOVQ X21, 168(AX)
	VMOVQ X22, 176(AX)
	VMOVQ X23, 184(AX)
	VMOVQ X24, 192(AX)
	RET
