/*
 * Selecting and sorting keys with their positions, in time that grows with their number alone.
 *
 * The digits of a key are looked at from the highest: the entries whose digit is that of a wanted
 * one are kept, until those wanted differ in it or hardly more than they are left. What is left is
 * sorted, digit by digit from the lowest, which leaves equals in their order.
 */
#include "order.h"

#include "sizes.h"

/* Up to so many are sorted by insertion. */
#define FEW 40
/* Entries from which on a digit is wide. */
#define MANY 512
#define WIDE 11
#define NARROW 8

static int digit_of(int64_t n) { return n < MANY ? NARROW : WIDE; }

typedef struct wide_item {
    uint64_t key;
    int64_t at;
} wide_item;

#define NARROW_ITEM(key, at) ((uint64_t)(key) << 32 | (uint32_t)(at))
#define NARROW_KEY(item) ((item) >> 32)
#define NARROW_AT(item) ((int64_t)((item) & UINT32_MAX))
#define WIDE_ITEM(key, at) ((wide_item){key, at})
#define WIDE_KEY(item) ((item).key)
#define WIDE_AT(item) ((item).at)

int64_t corex_order_room(int64_t n, bool narrow)
{
    return corex_times3(2, corex_plus(n, 1), narrow ? sizeof(uint64_t) : sizeof(wide_item));
}

/* Where among counted digits the entry of a rank lies; rank becomes its rank there. */
static int64_t bucket_of(const int64_t *counts, int64_t *rank)
{
    int64_t digit = 0;
    for (; *rank >= counts[digit]; digit++)
        *rank -= counts[digit];
    return digit;
}

#define ORDER(name, K, ITEM, MAKE, KEY, AT) \
    static void name##_insertion(ITEM *a, int64_t n) \
    { \
        for (int64_t i = 1; i < n; i++) { \
            const ITEM x = a[i]; \
            int64_t j = i; \
            for (; j > 0 && KEY(x) < KEY(a[j - 1]); j--) \
                a[j] = a[j - 1]; \
            a[j] = x; \
        } \
    } \
    /* Sorts by the low bits; a or b, of which the result is one. */ \
    static ITEM *name##_sort(ITEM *a, ITEM *b, int64_t n, int bits) \
    { \
        if (n <= FEW) { \
            name##_insertion(a, n); \
            return a; \
        } \
        const int width = digit_of(n); \
        const uint64_t mask = ((uint64_t)1 << width) - 1; \
        int64_t starts[1 << WIDE]; \
        for (int shift = 0; shift < bits; shift += width) { \
            memset(starts, 0, sizeof(int64_t) << width); \
            for (int64_t i = 0; i < n; i++) \
                starts[KEY(a[i]) >> shift & mask]++; \
            if (starts[KEY(a[0]) >> shift & mask] == n) \
                continue; \
            int64_t before = 0; \
            for (int64_t digit = 0; digit <= (int64_t)mask; digit++) { \
                const int64_t count = starts[digit]; \
                starts[digit] = before; \
                before += count; \
            } \
            for (int64_t i = 0; i < n; i++) \
                b[starts[KEY(a[i]) >> shift & mask]++] = a[i]; \
            ITEM *const swap = a; \
            a = b; \
            b = swap; \
        } \
        return a; \
    } \
    /* Makes items of those keys that may be wanted; how many they are. `rank` becomes theirs. */ \
    static int64_t name##_first(corex_rank *rank, const K *keys, ITEM *items, bool *apart) \
    { \
        const int64_t n = rank->n; \
        const int width = COREX_MIN(digit_of(n), rank->bits), shift = rank->bits - width; \
        int64_t counts[1 << WIDE], first = rank->first, last = first + rank->count - 1, kept = 0; \
        memset(counts, 0, sizeof(int64_t) << width); \
        for (int64_t i = 0; i < n; i++) \
            counts[keys[i] >> shift]++; \
        const K low = (K)bucket_of(counts, &first), high = (K)bucket_of(counts, &last); \
        for (int64_t i = 0; i < n; i++) { \
            items[kept] = MAKE(keys[i], i); \
            kept += (K)((keys[i] >> shift) - low) <= high - low; \
        } \
        rank->first = first; \
        rank->bits = shift; \
        *apart = low != high; \
        return kept; \
    } \
    /* The same of items whose higher bits are equal. */ \
    static int64_t name##_next(corex_rank *rank, ITEM *items, int64_t n, bool *apart) \
    { \
        const int width = COREX_MIN(digit_of(n), rank->bits), shift = rank->bits - width; \
        const uint64_t mask = ((uint64_t)1 << width) - 1; \
        int64_t counts[1 << WIDE], first = rank->first, last = first + rank->count - 1, kept = 0; \
        memset(counts, 0, sizeof(int64_t) << width); \
        for (int64_t i = 0; i < n; i++) \
            counts[KEY(items[i]) >> shift & mask]++; \
        const uint64_t low = (uint64_t)bucket_of(counts, &first); \
        const uint64_t high = (uint64_t)bucket_of(counts, &last); \
        for (int64_t i = 0; i < n; i++) { \
            const ITEM item = items[i]; \
            items[kept] = item; \
            kept += (KEY(item) >> shift & mask) - low <= high - low; \
        } \
        rank->first = first; \
        rank->bits = shift; \
        *apart = low != high; \
        return kept; \
    } \
    void name(const corex_rank *wanted, const K *keys, void *room, int64_t *out, int64_t stride) \
    { \
        corex_rank rank = *wanted; \
        ITEM *items = room; \
        int64_t left = rank.n; \
        bool apart = rank.count >= left / 2 || left <= FEW; \
        if (apart) \
            for (int64_t i = 0; i < left; i++) \
                items[i] = MAKE(keys[i], i); \
        else \
            left = name##_first(&rank, keys, items, &apart); \
        while (!apart && rank.bits > 0 && left > FEW && rank.count < left / 2) \
            left = name##_next(&rank, items, left, &apart); \
        items = name##_sort(items, items + wanted->n + 1, left, apart ? wanted->bits : rank.bits); \
        for (int64_t i = 0; i < rank.count; i++) \
            out[i * stride] = AT(items[rank.first + i]); \
    }

ORDER(corex_order_32, uint32_t, uint64_t, NARROW_ITEM, NARROW_KEY, NARROW_AT)
ORDER(corex_order_64, uint64_t, wide_item, WIDE_ITEM, WIDE_KEY, WIDE_AT)
