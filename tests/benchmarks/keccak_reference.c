/* The same search by hand, with vector intrinsics: the reference of `make bench`.
 *
 * Every nonce runs the whole permutation but for what the digest's first lane does not need in the last round. Built twice by
 * keccak.py: -DWIDTH=8 (AVX-512) and -DWIDTH=4 (AVX2); gcc -O3 -march=native.
 */
#include <immintrin.h>
#include <stdint.h>

#if WIDTH == 8
typedef __m512i V;
#define SPLAT(x) _mm512_set1_epi64((long long)(x))
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHI(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xD2)
#define ROL(a, n) _mm512_rol_epi64(a, n)
#define ADD(a, b) _mm512_add_epi64(a, b)
#define IOTA _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#else
typedef __m256i V;
#define SPLAT(x) _mm256_set1_epi64x((long long)(x))
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR3(a, b, c) XOR(XOR(a, b), c)
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define ROL(a, n) _mm256_or_si256(_mm256_slli_epi64(a, n), _mm256_srli_epi64(a, 64 - (n)))
#define ADD(a, b) _mm256_add_epi64(a, b)
#define IOTA _mm256_set_epi64x(3, 2, 1, 0)
#endif

static const uint64_t RC[24] = {
    0x0000000000000001ULL, 0x0000000000008082ULL, 0x800000000000808AULL, 0x8000000080008000ULL, 0x000000000000808BULL,
    0x0000000080000001ULL, 0x8000000080008081ULL, 0x8000000000008009ULL, 0x000000000000008AULL, 0x0000000000000088ULL,
    0x0000000080008009ULL, 0x000000008000000AULL, 0x000000008000808BULL, 0x800000000000008BULL, 0x8000000000008089ULL,
    0x8000000000008003ULL, 0x8000000000008002ULL, 0x8000000000000080ULL, 0x000000000000800AULL, 0x800000008000000AULL,
    0x8000000080008081ULL, 0x8000000000008080ULL, 0x0000000080000001ULL, 0x8000000080008008ULL};

#define COLUMN(x) XOR3(XOR3(a##x##0, a##x##1, a##x##2), a##x##3, a##x##4)
/* theta's column for one lane, rho and pi: b<new x><new y> */
#define MOVE(to, x, y, left, right, n) V b##to = ROL(XOR3(a##x##y, c##left, r##right), n)
#define ROW(y)                                                                                                        \
  V n0##y = CHI(b0##y, b1##y, b2##y), n1##y = CHI(b1##y, b2##y, b3##y), n2##y = CHI(b2##y, b3##y, b4##y),              \
    n3##y = CHI(b3##y, b4##y, b0##y), n4##y = CHI(b4##y, b0##y, b1##y)
#define TAKE(y) a0##y = n0##y; a1##y = n1##y; a2##y = n2##y; a3##y = n3##y; a4##y = n4##y

#define ROUND(number)                                                                                                  \
  {                                                                                                                    \
    V c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3), c4 = COLUMN(4);                                  \
    V r0 = ROL(c0, 1), r1 = ROL(c1, 1), r2 = ROL(c2, 1), r3 = ROL(c3, 1), r4 = ROL(c4, 1);                             \
    V b00 = XOR3(a00, c4, r1);                                                                                         \
    MOVE(10, 1, 1, 0, 2, 44); MOVE(20, 2, 2, 1, 3, 43); MOVE(30, 3, 3, 2, 4, 21); MOVE(40, 4, 4, 3, 0, 14);            \
    MOVE(01, 3, 0, 2, 4, 28); MOVE(11, 4, 1, 3, 0, 20); MOVE(21, 0, 2, 4, 1, 3); MOVE(31, 1, 3, 0, 2, 45);             \
    MOVE(41, 2, 4, 1, 3, 61);                                                                                          \
    MOVE(02, 1, 0, 0, 2, 1); MOVE(12, 2, 1, 1, 3, 6); MOVE(22, 3, 2, 2, 4, 25); MOVE(32, 4, 3, 3, 0, 8);               \
    MOVE(42, 0, 4, 4, 1, 18);                                                                                          \
    MOVE(03, 4, 0, 3, 0, 27); MOVE(13, 0, 1, 4, 1, 36); MOVE(23, 1, 2, 0, 2, 10); MOVE(33, 2, 3, 1, 3, 15);            \
    MOVE(43, 3, 4, 2, 4, 56);                                                                                          \
    MOVE(04, 2, 0, 1, 3, 62); MOVE(14, 3, 1, 2, 4, 55); MOVE(24, 4, 2, 3, 0, 39); MOVE(34, 0, 3, 4, 1, 41);            \
    MOVE(44, 1, 4, 0, 2, 2);                                                                                           \
    ROW(0); ROW(1); ROW(2); ROW(3); ROW(4);                                                                            \
    TAKE(0); TAKE(1); TAKE(2); TAKE(3); TAKE(4);                                                                       \
    a00 = XOR(a00, SPLAT(RC[number]));                                                                                 \
  }

/* state: 25 lanes with the varying one (9: x = 4, y = 1) at zero. */
int64_t search(const uint64_t *state, uint64_t first, uint64_t batches, uint64_t limit, uint64_t *found, int64_t room) {
  int64_t count = 0;
  V lanes = ADD(SPLAT(first), IOTA);
  for (uint64_t batch = 0; batch < batches; batch++) {
    V a00 = SPLAT(state[0]), a10 = SPLAT(state[1]), a20 = SPLAT(state[2]), a30 = SPLAT(state[3]), a40 = SPLAT(state[4]);
    V a01 = SPLAT(state[5]), a11 = SPLAT(state[6]), a21 = SPLAT(state[7]), a31 = SPLAT(state[8]), a41 = lanes;
    V a02 = SPLAT(state[10]), a12 = SPLAT(0), a22 = SPLAT(0), a32 = SPLAT(0), a42 = SPLAT(0);
    V a03 = SPLAT(0), a13 = SPLAT(state[16]), a23 = SPLAT(0), a33 = SPLAT(0), a43 = SPLAT(0);
    V a04 = SPLAT(0), a14 = SPLAT(0), a24 = SPLAT(0), a34 = SPLAT(0), a44 = SPLAT(0);
    ROUND(0) ROUND(1) ROUND(2) ROUND(3) ROUND(4) ROUND(5) ROUND(6) ROUND(7) ROUND(8) ROUND(9) ROUND(10) ROUND(11)
    ROUND(12) ROUND(13) ROUND(14) ROUND(15) ROUND(16) ROUND(17) ROUND(18) ROUND(19) ROUND(20) ROUND(21) ROUND(22)
    V c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3), c4 = COLUMN(4);
    V b00 = XOR3(a00, c4, ROL(c1, 1));
    V b10 = ROL(XOR3(a11, c0, ROL(c2, 1)), 44);
    V b20 = ROL(XOR3(a22, c1, ROL(c3, 1)), 43);
    union { V v; uint64_t word[WIDTH]; } digest = {XOR(CHI(b00, b10, b20), SPLAT(RC[23]))};
    for (int lane = 0; lane < WIDTH; lane++)
      if (__builtin_expect(__builtin_bswap64(digest.word[lane]) <= limit, 0)) {
        if (count < room) found[count] = first + batch * WIDTH + lane;
        count++;
      }
    lanes = ADD(lanes, SPLAT(WIDTH));
  }
  return count;
}
