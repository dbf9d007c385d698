/* Fuzz target: the text of /proc files. */
#include "../../src/observe/proc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *text = (const char *)bytes;
    uint64_t a, b, c;
    char letter;
    int processor;
    proc_parse_schedstat(text, n, &a, &b, &c);
    proc_parse_status(text, n, &a, &b);
    if (proc_parse_stat(text, n, &letter, &processor) && (processor < 0 || letter < 'A'))
        abort();
    return 0;
}
