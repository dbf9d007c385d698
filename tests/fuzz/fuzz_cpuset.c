/* Fuzz target: CPU lists. What is understood must come back the same when it is written and read again. */
#include "../../src/cpuset.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char written[32768]; /* enough for every second of CPUSET_MAX */
    struct cpuset set, again;
    struct err err;
    char *list = malloc(n + 1);
    if (!list)
        abort();
    memcpy(list, bytes, n);
    list[n] = '\0';
    if (cpuset_parse(&set, list, &err)) {
        char *cut = malloc(n + 1);
        if (!cut || strlen(cpuset_format(&set, cut, n + 1)) > n)
            abort();
        free(cut);
        cpuset_format(&set, written, sizeof written);
        if (!cpuset_parse(&again, written, &err) || !cpuset_equal(&set, &again))
            abort();
    } else if (memchr(err.msg, '\0', sizeof err.msg) == NULL) {
        abort();
    }
    free(list);
    return 0;
}
