/* Lets PoCL 3.0 run on processors that its LLVM 14 does not know.
 *
 * LLVM calls such a processor "generic", PoCL copies that name with strncpy and hands it to its
 * compiler, which refuses it. Loaded before PoCL, this strncpy copies the name of a processor that
 * both know, and whose instructions every x86-64 processor of the last ten years has:
 *
 *     gcc -shared -fPIC -O2 -o pocl_target.so pocl_target.c
 *     LD_PRELOAD=$PWD/pocl_target.so corex backends
 */
#include <stddef.h>
#include <string.h>

char *strncpy(char *restrict target, const char *restrict source, size_t count)
{
    static const char unknown[] = "generic";
    if (count >= sizeof unknown - 1 && strncmp(source, unknown, count) == 0) {
        source = "haswell";
    }
    size_t length = 0;
    while (length < count && source[length]) {
        ++length;
    }
    memcpy(target, source, length);
    memset(target + length, 0, count - length);
    return target;
}
