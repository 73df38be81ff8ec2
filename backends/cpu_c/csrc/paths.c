/* The table of paths, and how one is forced: by name, from C, Python or the environment. */
#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "force.h"

/* No number is larger: sums with sizes must not overflow. */
#define MOST ((int64_t)1 << 62)

typedef struct path {
    const char *name, *about;
    const char *choices[6]; /* none: a number from `least` on */
    int64_t initial, least;
} path;

static const path table[COREX_PATH_COUNT] = {
    [COREX_PATH_LEVEL] = {"level", "instruction set of the kernels",
                          .choices = {"auto", "baseline", "v3", "v4"}},
    [COREX_PATH_STREAM] = {"stream", "stores that pass the cache by, of outputs only written",
                           .choices = {"auto", "never", "always"}},
    [COREX_PATH_STREAM_BYTES] = {"stream_bytes", "outputs from this size on are streamed",
                                 .initial = (int64_t)48 << 20},
    [COREX_PATH_GRAIN] = {"grain", "additions that are worth a thread", .initial = 32768,
                          .least = 1},
    [COREX_PATH_UNLOCK_ABOVE] = {"unlock_above",
                                 "work above which Python's lock is let go and threads may help",
                                 .initial = 16384},
    [COREX_PATH_BLAS] = {"blas", "matrix products by BLAS, or by kernels of our own",
                         .choices = {"auto", "never"}},
    [COREX_PATH_TINY_GEMM] = {"tiny_gemm", "multiplications up to which plain loops do a product",
                              .initial = 4096},
    [COREX_PATH_GEMV] = {"gemv", "a call of its own for matrix times vector",
                         .choices = {"auto", "never"}},
    [COREX_PATH_BATCH] = {"batch", "whose threads share a batch of products",
                          .choices = {"auto", "blas", "pool"}},
    [COREX_PATH_TRANSPOSE] = {"transpose", "copies of transposed matrices tile by tile",
                              .choices = {"auto", "never"}},
    [COREX_PATH_REDUCE] = {"reduce", "which way a reduction runs, where its layout allows",
                           .choices = {"auto", "line", "columns", "lines"}},
    [COREX_PATH_REDUCE_CHUNK] = {"reduce_chunk", "elements of a long line reduced by one thread",
                                 .initial = 65536, .least = 1},
    [COREX_PATH_ROWS] = {"rows", "one row after another, or many that lie side by side at once",
                         .choices = {"auto", "line", "columns"}},
    [COREX_PATH_CONV] = {"conv", "1x1 convolutions without unrolling their input",
                         .choices = {"auto", "unrolled"}},
    [COREX_PATH_CONV_TILE_BYTES] = {"conv_tile_bytes", "unrolled input of a convolution at a time",
                                    .initial = 512 * 1024, .least = 1},
};

/* In the order of the table; set before anything runs. */
_Atomic int64_t corex_path_values[COREX_PATH_COUNT];

static char environment_error[256];

int corex_path_count(void) { return COREX_PATH_COUNT; }

int corex_path_find(const char *name)
{
    for (int k = 0; k < COREX_PATH_COUNT; k++)
        if (strcmp(table[k].name, name) == 0)
            return k;
    return -1;
}

const char *corex_path_name(int k) { return k < 0 || k >= COREX_PATH_COUNT ? NULL : table[k].name; }

const char *corex_path_about(int k)
{
    return k < 0 || k >= COREX_PATH_COUNT ? NULL : table[k].about;
}

const char *corex_path_choice(int k, int choice)
{
    const int limit = (int)(sizeof table[0].choices / sizeof table[0].choices[0]);
    return corex_path_name(k) == NULL || choice < 0 || choice >= limit ? NULL
                                                                       : table[k].choices[choice];
}

int64_t corex_path_value(int k)
{
    return corex_path_name(k) == NULL ? -1 : corex_path((corex_path_number)k);
}

static bool read_value(const path *row, const char *text, int64_t *value)
{
    if (strcmp(text, "auto") == 0) {
        *value = row->initial;
        return true;
    }
    for (int choice = 0; row->choices[choice] != NULL; choice++)
        if (strcmp(row->choices[choice], text) == 0) {
            *value = choice;
            return true;
        }
    char *end;
    errno = 0;
    *value = row->choices[0] == NULL ? strtoll(text, &end, 10) : -1;
    return row->choices[0] == NULL && *text != 0 && *end == 0 && errno == 0 &&
           *value >= row->least && *value <= MOST;
}

static corex_status bad_value(const path *row, const char *text)
{
    char wanted[128] = "";
    for (int choice = 0; row->choices[choice] != NULL; choice++)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%s",
                 choice == 0 ? "one of " : ", ", row->choices[choice]);
    if (row->choices[0] == NULL)
        snprintf(wanted, sizeof wanted, "auto, or a number from %lld to %lld",
                 (long long)row->least, (long long)MOST);
    return corex_fail(COREX_ERR_VALUE, "path %s cannot be '%.40s', but %s", row->name, text,
                      wanted);
}

corex_status corex_force(const char *name, const char *text)
{
    int k = corex_path_find(name);
    int64_t value;
    if (k < 0)
        return corex_fail(COREX_ERR_VALUE, "there is no path named '%.40s'", name);
    if (!read_value(&table[k], text, &value))
        return bad_value(&table[k], text);
    corex_status status = COREX_OK;
    if (k == COREX_PATH_LEVEL)
        status = corex_level_select(value, text);
    if (status == COREX_OK)
        atomic_store(&corex_path_values[k], value);
    return status;
}

/* COREX_CPU_STREAM_BYTES for path stream_bytes. */
static const char *from_environment(const path *row)
{
    char name[64] = "COREX_CPU_";
    size_t length = strlen(name);
    for (const char *c = row->name; *c != 0 && length + 1 < sizeof name; c++)
        name[length++] = (char)toupper((unsigned char)*c);
    name[length] = 0;
    const char *text = getenv(name);
    return text == NULL || *text == 0 ? "auto" : text;
}

/* While the library is loaded, so that it holds for callers without Python too. */
__attribute__((constructor)) static void read_environment(void)
{
    for (int k = 0; k < COREX_PATH_COUNT; k++) {
        if (corex_force(table[k].name, from_environment(&table[k])) == COREX_OK)
            continue;
        snprintf(environment_error, sizeof environment_error, "in the environment: %.200s",
                 corex_last_error());
        corex_force(table[k].name, "auto");
    }
}

corex_status corex_paths_status(void)
{
    return environment_error[0] == 0 ? COREX_OK
                                     : corex_fail(COREX_ERR_VALUE, "%s", environment_error);
}
