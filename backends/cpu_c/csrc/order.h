/* Entries of a row as unsigned keys of the same order, sorted or selected with their positions. */
#ifndef COREX_ORDER_H
#define COREX_ORDER_H

#include "internal.h"

/* Wanted of a row of n entries: numbers first .. first + count of their order, at most n. */
typedef struct corex_rank {
    int64_t n, first, count;
    int bits; /* of a key */
} corex_rank;

/* Rows of at most so many entries have keys of 32 bits beside positions of 32. */
#define COREX_SHORT_ROW ((int64_t)UINT32_MAX)

/* Room that a row needs, in bytes; the second half may hold its keys at first. */
int64_t corex_order_room(int64_t n, bool narrow);
/* The positions of the wanted entries, equals in the order of their positions. */
void corex_order_32(const corex_rank *rank, const uint32_t *keys, void *room, int64_t *out,
                    int64_t stride);
void corex_order_64(const corex_rank *rank, const uint64_t *keys, void *room, int64_t *out,
                    int64_t stride);

#endif
