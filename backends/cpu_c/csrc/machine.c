/*
 * Limits of this process. Those of control groups hold for all ancestors of a group too, and the
 * two versions name their files differently.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysinfo.h>
#endif

#define PATH_LENGTH 1024

int64_t corex_environment_number(const char *name)
{
    const char *text = getenv(name);
    const long long number = text == NULL ? 0 : strtoll(text, NULL, 10);
    return number > 0 ? number : 0;
}

#ifdef __linux__
/* The numbers at the start of a file, at most two; how many there were. "max" is none. */
static int read_numbers(const char *folder, const char *name, long long numbers[2])
{
    char path[PATH_LENGTH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    int found = fscanf(file, "%lld %lld", &numbers[0], &numbers[1]);
    fclose(file);
    return found < 0 ? 0 : found;
}

static int64_t memory_of(const char *folder)
{
    static const char *const names[] = {"memory.max", "memory.limit_in_bytes"};
    long long number[2];
    for (int k = 0; k < 2; k++)
        if (read_numbers(folder, names[k], number) >= 1 && number[0] > 0)
            return number[0];
    return INT64_MAX;
}

static int64_t processors_of(const char *folder)
{
    long long quota[2], period[2];
    if (read_numbers(folder, "cpu.max", quota) == 2)
        period[0] = quota[1];
    else if (read_numbers(folder, "cpu.cfs_quota_us", quota) < 1 ||
             read_numbers(folder, "cpu.cfs_period_us", period) < 1)
        return INT64_MAX;
    return quota[0] <= 0 || period[0] <= 0 ? INT64_MAX : (quota[0] + period[0] - 1) / period[0];
}

/* The least that a folder below `root` or one of its ancestors allows. */
static int64_t least_upwards(const char *root, const char *group, int64_t (*limit)(const char *))
{
    char folder[PATH_LENGTH];
    snprintf(folder, sizeof folder, "%s%s", root, group);
    int64_t least = INT64_MAX;
    for (;;) {
        const int64_t here = limit(folder);
        least = here < least ? here : least;
        char *end = strrchr(folder, '/');
        if (end == NULL || (size_t)(end - folder) < strlen(root))
            return least;
        *end = 0;
    }
}

/* Whether a controller is named in a list that commas separate. */
static bool names(const char *list, const char *controller)
{
    const size_t length = strlen(controller);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, controller, length) == 0 && (at[length] == 0 || at[length] == ','))
            return true;
    }
    return false;
}

/* A line of /proc/self/cgroup is "number:controllers:group"; version 2 names no controllers. */
static int64_t group_limit(const char *controller, int64_t (*limit)(const char *))
{
    char line[PATH_LENGTH], root[128];
    FILE *file = fopen("/proc/self/cgroup", "r");
    int64_t least = INT64_MAX;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *list = strchr(line, ':'), *group = list == NULL ? NULL : strchr(list + 1, ':');
        if (group == NULL)
            continue;
        *group++ = 0;
        if (list[1] == 0)
            snprintf(root, sizeof root, "/sys/fs/cgroup");
        else if (names(list + 1, controller))
            snprintf(root, sizeof root, "/sys/fs/cgroup/%s", controller);
        else
            continue;
        const int64_t here = least_upwards(root, strcmp(group, "/") == 0 ? "" : group, limit);
        least = here < least ? here : least;
    }
    if (file != NULL)
        fclose(file);
    return least;
}
#endif

int64_t corex_machine_memory(void)
{
    int64_t total = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
#ifdef __linux__
    struct sysinfo info;
    if (sysinfo(&info) == 0)
        total = (int64_t)(info.totalram + info.totalswap) * info.mem_unit;
    const int64_t group = group_limit("memory", memory_of);
    total = group < total ? group : total;
#endif
    return total;
}

int corex_machine_processors(void)
{
    int64_t count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    const int64_t group = group_limit("cpu", processors_of);
    count = group < count ? group : count;
#endif
    return count < 1 ? 1 : (int)count;
}
