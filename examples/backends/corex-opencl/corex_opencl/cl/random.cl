// Philox4x32-10: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11.

static inline ulong2 philox(ulong block, ulong seed)
{
    uint x0 = (uint)block, x1 = (uint)(block >> 32), x2 = 0, x3 = 0;
    uint key0 = (uint)seed, key1 = (uint)(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint high0 = mul_hi(0xD2511F53u, x0), low0 = 0xD2511F53u * x0;
        const uint high1 = mul_hi(0xCD9E8D57u, x2), low1 = 0xCD9E8D57u * x2;
        x0 = high1 ^ x1 ^ key0;
        x1 = low1;
        x2 = high0 ^ x3 ^ key1;
        x3 = low0;
        key0 += 0x9E3779B9u; // the fractions of the golden ratio and of sqrt(3)
        key1 += 0xBB67AE85u;
    }
    return (ulong2)((ulong)x1 << 32 | x0, (ulong)x3 << 32 | x2);
}

#ifdef NORMAL
// Box and Muller. One element for every block: it takes both numbers.
__kernel void fill_random(__global T *out, const long start, const long count, const ulong seed,
                          const ulong block)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    const ulong2 bits = philox(block + (ulong)i, seed);
    const double u1 = (double)((bits.x >> 11) + 1) * 0x1p-53;
    const double u2 = (double)(bits.y >> 11) * 0x1p-53;
    out[start + i] = (T)(sqrt(-2 * log(u1)) * cos(2 * 3.14159265358979323846 * u2));
}
#else
// Two elements for every block, each made of 64 bits by NUMBER.
__kernel void fill_random(__global T *out, const long start, const long count, const ulong seed,
                          const ulong block)
{
    const long i = get_global_id(0);
    if (2 * i >= count)
        return;
    const ulong2 bits = philox(block + (ulong)i, seed);
    out[start + 2 * i] = NUMBER(bits.x);
    if (2 * i + 1 < count)
        out[start + 2 * i + 1] = NUMBER(bits.y);
}
#endif
