/* Philox4x32-10. */
#include "kernels.h"

#define BATCH COREX_PHILOX_BATCH

#define ROUNDS 10
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0 0x9E3779B9u
#define WEYL_1 0xBB67AE85u

/* Elements 2 * first ... of the stream, 2 * BATCH of them. */
static void philox(uint64_t first, uint64_t seed, uint64_t *out)
{
    uint32_t c0[BATCH], c1[BATCH], c2[BATCH], c3[BATCH];
    for (int i = 0; i < BATCH; i++) {
        uint64_t block = first + (uint64_t)i;
        c0[i] = (uint32_t)block;
        c1[i] = (uint32_t)(block >> 32);
        c2[i] = c3[i] = 0;
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) {
            uint64_t p0 = (uint64_t)c0[i] * MULTIPLIER_0, p1 = (uint64_t)c2[i] * MULTIPLIER_1;
            uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
            c0[i] = n0;
            c2[i] = n2;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    for (int i = 0; i < BATCH; i++) {
        out[2 * i] = c0[i] | (uint64_t)c1[i] << 32;
        out[2 * i + 1] = c2[i] | (uint64_t)c3[i] << 32;
    }
}

const corex_random_table COREX_LEVELED(corex_random) = {philox};
