/* Fuzz target: the stat of a process or a thread, with its name that may hold any byte. */
#include "../../src/target/tree.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct tree_stat stat;
    if (!tree_parse_stat((const char *)bytes, n, &stat))
        return 0;
    const size_t n_name = strnlen(stat.name, sizeof stat.name);
    if (stat.id < 0 || stat.parent < 0 || n_name == sizeof stat.name)
        abort();
    /* What it says of the name stands in the text, behind a bracket. */
    for (const uint8_t *at = bytes; n_name && (at = memchr(at, '(', n - (size_t)(at - bytes))); at++) {
        const size_t left = n - (size_t)(at + 1 - bytes);
        if (left >= n_name && memcmp(at + 1, stat.name, n_name) == 0)
            return 0;
    }
    if (n_name)
        abort();
    return 0;
}
