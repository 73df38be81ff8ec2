/*
 * A table as odd as the header allows: memory is a number on one of two devices, which no address
 * can be made of, and the host does not see it. Its kernels tell what they were called with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corex_backend.h"

#define SLOTS 4096

static struct {
    char *bytes;
    int64_t nbytes;
} slots[2][SLOTS];
static int64_t in_use, made;
static int32_t last_hint_dtype, last_hint_ndim, synchronized;
static int64_t last_hint_size;
static char error[200];
static int64_t unlock_above = 16384;

static const char *last_error(void) { return error; }

static corex_status fail(corex_status status, const char *reason)
{
    snprintf(error, sizeof error, "%s", reason);
    return status;
}

static char *bytes_of(int32_t device, const void *memory)
{
    return slots[device][(intptr_t)memory].bytes;
}

static corex_status allocate(int32_t device, int64_t nbytes, int32_t dtype, int32_t ndim,
                             const int64_t *shape, void **memory)
{
    last_hint_dtype = dtype;
    last_hint_ndim = ndim;
    last_hint_size = ndim > 0 ? shape[ndim - 1] : -1;
    if (nbytes > 1 << 30)
        return fail(COREX_ERR_MEMORY, "there is no memory for so many bytes");
    for (intptr_t k = 1; k < SLOTS; k++)
        if (slots[device][k].bytes == NULL) {
            slots[device][k].bytes = malloc((size_t)nbytes + 1);
            slots[device][k].nbytes = nbytes;
            *memory = (void *)k;
            in_use += nbytes;
            made++;
            return COREX_OK;
        }
    return fail(COREX_ERR_MEMORY, "no slot is free");
}

static void release(int32_t device, void *memory, int64_t nbytes)
{
    free(slots[device][(intptr_t)memory].bytes);
    slots[device][(intptr_t)memory].bytes = NULL;
    in_use -= nbytes;
}

static corex_status copy_from_host(int32_t device, void *memory, int64_t start, const void *source,
                                   int64_t nbytes)
{
    memcpy(bytes_of(device, memory) + start, source, (size_t)nbytes);
    return COREX_OK;
}

static corex_status copy_to_host(int32_t device, const void *memory, int64_t start, void *target,
                                 int64_t nbytes)
{
    memcpy(target, bytes_of(device, memory) + start, (size_t)nbytes);
    return COREX_OK;
}

static corex_status copy_device(int32_t to_device, void *to, int64_t to_start, int32_t from_device,
                                const void *from, int64_t from_start, int64_t nbytes)
{
    memmove(bytes_of(to_device, to) + to_start, bytes_of(from_device, from) + from_start,
            (size_t)nbytes);
    return COREX_OK;
}

static corex_status synchronize(int32_t device)
{
    synchronized = device;
    return device == 1 ? fail(COREX_ERR_DEVICE, "device 1 has stopped") : COREX_OK;
}

static corex_status memory_stats(int32_t device, corex_memory_stats *stats)
{
    (void)device;
    *stats = (corex_memory_stats){in_use, in_use, in_use, made};
    return COREX_OK;
}

static int32_t device_count(void) { return 2; }
static const char *device_name(int32_t device) { return device == 0 ? "left" : "right"; }

/* ---- streams: names only, of work that is done at once ---- */
static _Thread_local intptr_t current[2];
static intptr_t streams, events, freed;
static int32_t busy;

static corex_status new_stream(int32_t device, void **stream)
{
    *stream = (void *)(100 * (device + 1) + ++streams);
    return COREX_OK;
}

static void free_stream(int32_t device, void *stream)
{
    (void)device, (void)stream;
    freed++;
}

static corex_status set_stream(int32_t device, void *stream)
{
    current[device] = (intptr_t)stream;
    return COREX_OK;
}

static corex_status synchronize_stream(int32_t device, void *stream)
{
    (void)device, (void)stream;
    busy = 0;
    return COREX_OK;
}

static corex_status query_stream(int32_t device, void *stream, int32_t *is_done)
{
    (void)device, (void)stream;
    *is_done = !busy;
    return COREX_OK;
}

static corex_status stream_waits(int32_t device, void *stream, void *event)
{
    (void)device, (void)stream;
    return event == NULL ? fail(COREX_ERR_VALUE, "no event") : COREX_OK;
}

static corex_status new_event(int32_t timed, void **event)
{
    *event = (void *)(2 * ++events + (timed != 0));
    return COREX_OK;
}

static void free_event(void *event)
{
    (void)event;
    freed++;
}

static corex_status record_event(void *event, int32_t device, void *stream)
{
    (void)event, (void)device, (void)stream;
    busy = 1;
    return COREX_OK;
}

static corex_status synchronize_event(void *event)
{
    (void)event;
    busy = 0;
    return COREX_OK;
}

static corex_status query_event(void *event, int32_t *is_done)
{
    (void)event;
    *is_done = !busy;
    return COREX_OK;
}

static corex_status elapsed_time(void *start, void *end, double *milliseconds)
{
    if (!((intptr_t)start & 1))
        return fail(COREX_ERR_VALUE, "the event takes no time");
    *milliseconds = (double)((intptr_t)end - (intptr_t)start);
    return COREX_OK;
}

static corex_status memory_info(int32_t device, int64_t *free_bytes, int64_t *total_bytes)
{
    *free_bytes = 1000 * (device + 1);
    *total_bytes = 5000;
    return COREX_OK;
}

static const char *traits(int32_t device)
{
    return device == 0 ? NULL
                       : "subnormals=flushed ulps=unary:16,reduce:8 held_only=int32,bool "
                         "index_bits=32 errors=deferred";
}

/* ---- kernels ---- */
/* Element number i of a view. */
static char *element(const corex_view *v, int64_t i, int size)
{
    int64_t at = v->offset;
    for (int d = v->ndim - 1; d >= 0; d--) {
        at += i % v->shape[d] * v->strides[d];
        i /= v->shape[d];
    }
    return bytes_of(v->device, v->memory) + at * size;
}

static int64_t count_of(const corex_view *v)
{
    int64_t count = 1;
    for (int d = 0; d < v->ndim; d++)
        count *= v->shape[d];
    return count;
}

static corex_status run_neg(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    for (int64_t i = 0; i < count_of(a[0].view); i++)
        *(float *)element(a[0].view, i, 4) = -*(float *)element(a[1].view, i, 4);
    return COREX_OK;
}

static double operand(const corex_argument *a, int64_t i)
{
    return a->kind == COREX_VIEW   ? *(float *)element(a->view, i, 4)
           : a->kind == COREX_INT  ? (double)a->integer
           : a->kind == COREX_UINT ? (double)a->unsigned_integer
                                   : a->real;
}

static corex_status run_add(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    for (int64_t i = 0; i < count_of(a[0].view); i++)
        *(float *)element(a[0].view, i, 4) = (float)(operand(&a[1], i) + operand(&a[2], i));
    return COREX_OK;
}

/* Row `code` of the kernel that was chosen, into the output. */
static corex_status run_which(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)n;
    for (int64_t i = 0; i < count_of(a[0].view); i++)
        *(int64_t *)element(a[0].view, i, 8) = self->code;
    return COREX_OK;
}

static corex_status run_fail(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    (void)n;
    const corex_status status = (corex_status)a[1].integer;
    return status == COREX_OK ? COREX_OK : fail(status, "as it was asked to");
}

/* The arguments in words, as a line on stdout would be: read by `told()`. */
static char told_text[2000];

static corex_status run_tell(const corex_kernel *self, const corex_argument *a, int32_t n)
{
    (void)self;
    char *p = told_text, *end = told_text + sizeof told_text;
    for (int32_t k = 0; k < n; k++) {
        const corex_view *v = a[k].view;
        if (a[k].kind == COREX_NONE)
            p += snprintf(p, (size_t)(end - p), "none; ");
        else if (a[k].kind == COREX_VIEW)
            p += snprintf(p, (size_t)(end - p), "view %d d%d +%lld @%d %s; ", v->ndim, v->dtype,
                          (long long)v->offset, v->device, v->data == NULL ? "handle" : "address");
        else if (a[k].kind == COREX_VIEWS)
            p += snprintf(p, (size_t)(end - p), "%d views; ", a[k].count);
        else if (a[k].kind == COREX_INT)
            p += snprintf(p, (size_t)(end - p), "int %lld; ", (long long)a[k].integer);
        else if (a[k].kind == COREX_UINT)
            p += snprintf(p, (size_t)(end - p), "uint %llu; ",
                          (unsigned long long)a[k].unsigned_integer);
        else if (a[k].kind == COREX_DOUBLE)
            p += snprintf(p, (size_t)(end - p), "double %g; ", a[k].real);
        else
            p += snprintf(p, (size_t)(end - p), "ints %lld %lld; ", (long long)a[k].integers[0],
                          (long long)a[k].integers[1]);
    }
    return COREX_OK;
}

static const corex_kernel rows[] = {
    {"neg", "oa", run_neg, .dtypes = 1 << COREX_FLOAT32},
    {"add", "onn", run_add, .dtypes = 1 << COREX_FLOAT32},
    {"which", "o", run_which, .dtypes = 1 << COREX_INT32, .code = 32},
    {"which", "o", run_which, .dtypes = 1 << COREX_INT64, .code = 64},
    {"fail", "oi", run_fail},
    {"tell", "oamnxiufbp", run_tell},
    {"tell_all", "oa*", run_tell},
    {"tell_lists", "OAf", run_tell},
};

static const corex_kernel *kernel(int32_t index)
{
    return index < (int32_t)(sizeof rows / sizeof rows[0]) ? &rows[index] : NULL;
}

#define MEMBERS \
    .size = sizeof(corex_table), .major = COREX_TABLE_MAJOR, .minor = COREX_TABLE_MINOR, \
    .kernel_size = sizeof(corex_kernel), .name = "odd", .device_type = "odd", \
    .dtypes = 1 << COREX_BOOL | 1 << COREX_INT32 | 1 << COREX_INT64 | 1 << COREX_FLOAT32, \
    .last_error = last_error, .device_count = device_count, .device_name = device_name, \
    .allocate = allocate, .release = release, .copy_from_host = copy_from_host, \
    .copy_to_host = copy_to_host, .copy_device = copy_device, .synchronize = synchronize, \
    .memory_stats = memory_stats, .kernel = kernel, .unlock_above = &unlock_above, \
    .traits = traits, .new_stream = new_stream, .free_stream = free_stream, \
    .set_stream = set_stream, .synchronize_stream = synchronize_stream, \
    .query_stream = query_stream, .stream_waits = stream_waits, .new_event = new_event, \
    .free_event = free_event, .record_event = record_event, \
    .synchronize_event = synchronize_event, .query_event = query_event, \
    .elapsed_time = elapsed_time, .memory_info = memory_info

static const corex_table table = {MEMBERS};

const corex_table *corex_backend_table(void) { return &table; }

/* ---- for the tests ---- */
COREX_EXPORT const char *told(void) { return told_text; }
COREX_EXPORT int64_t stream_in_use(int device) { return current[device]; }
COREX_EXPORT int64_t count_of_freed(void) { return freed; }
COREX_EXPORT int64_t hint(int which)
{
    return which == 0 ? last_hint_dtype : which == 1 ? last_hint_ndim : last_hint_size;
}

static const char *bad_traits(int32_t device)
{
    (void)device;
    return "subnormals=flushed colour=green";
}

static const char *no_machine(void) { return "this machine has no odd device"; }
static const corex_kernel *wrong_letters(int32_t index)
{
    static const corex_kernel row = {"neg", "oaz", run_neg};
    return index == 0 ? &row : NULL;
}
static const corex_kernel *element_without_host(int32_t index)
{
    static const corex_kernel row = {"add", "oee", run_add};
    return index == 0 ? &row : NULL;
}

/* A table that something is wrong with. */
COREX_EXPORT const corex_table *wrong_table(const char *what)
{
    static corex_table copies[8];
    static int used;
    corex_table *wrong = &copies[used++ % 8];
    *wrong = table;
    if (strcmp(what, "newer minor") == 0)
        wrong->minor = 99;
    else if (strcmp(what, "larger") == 0) /* of a later minor version, with members beyond ours */
        wrong->size = sizeof(corex_table) + 64;
    else if (strcmp(what, "major") == 0)
        wrong->major = 2;
    else if (strcmp(what, "size") == 0)
        wrong->size = 16;
    else if (strcmp(what, "older") == 0) /* ends before the members that may be missing */
        wrong->size = offsetof(corex_table, unlock_above);
    else if (strcmp(what, "allocate") == 0)
        wrong->allocate = NULL;
    else if (strcmp(what, "probe") == 0)
        wrong->probe = no_machine;
    else if (strcmp(what, "traits") == 0)
        wrong->traits = bad_traits;
    else if (strcmp(what, "letters") == 0)
        wrong->kernel = wrong_letters;
    else if (strcmp(what, "elements") == 0)
        wrong->kernel = element_without_host;
    return wrong;
}
