/* What a table for the host's own memory need not say. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT 64

_Thread_local char core_own_error[128];

static corex_status host_allocate(int32_t device, int64_t nbytes, int32_t dtype, int32_t ndim,
                                  const int64_t *shape, void **memory)
{
    (void)device;
    (void)dtype;
    (void)ndim;
    (void)shape;
    *memory = NULL;
    if (nbytes <= PTRDIFF_MAX - ALIGNMENT &&
        posix_memalign(memory, ALIGNMENT, (size_t)nbytes + 1) == 0)
        return COREX_OK;
    snprintf(core_own_error, sizeof core_own_error, "cannot allocate %lld bytes",
             (long long)nbytes);
    return COREX_ERR_MEMORY;
}

static void host_release(int32_t device, void *memory, int64_t nbytes)
{
    (void)device;
    (void)nbytes;
    free(memory);
}

static corex_status host_from_host(int32_t device, void *memory, int64_t start, const void *source,
                                   int64_t nbytes)
{
    (void)device;
    memmove((char *)memory + start, source, (size_t)nbytes);
    return COREX_OK;
}

static corex_status host_to_host(int32_t device, const void *memory, int64_t start, void *target,
                                 int64_t nbytes)
{
    (void)device;
    memmove(target, (const char *)memory + start, (size_t)nbytes);
    return COREX_OK;
}

static corex_status host_copy(int32_t to_device, void *to, int64_t to_start, int32_t from_device,
                              const void *from, int64_t from_start, int64_t nbytes)
{
    (void)to_device;
    (void)from_device;
    memmove((char *)to + to_start, (const char *)from + from_start, (size_t)nbytes);
    return COREX_OK;
}

static void *host_itself(int32_t device, void *memory)
{
    (void)device;
    return memory;
}

void core_fill_in(corex_table *table)
{
    if (!(table->flags & COREX_HOST))
        return;
    table->flags |= COREX_ADDRESSES;
    if (table->allocate == NULL) {
        table->allocate = host_allocate;
        table->release = host_release;
    }
    if (table->copy_from_host == NULL)
        table->copy_from_host = host_from_host;
    if (table->copy_to_host == NULL)
        table->copy_to_host = host_to_host;
    if (table->copy_device == NULL)
        table->copy_device = host_copy;
    if (table->host_pointer == NULL)
        table->host_pointer = host_itself;
}
