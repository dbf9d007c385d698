/* Fuzz target: what /proc tells of a task that sleeps in futex(2), and what lies at the address. */
#include "../../src/observe/futex.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void judge(const struct futex_call *call, const uint8_t *bytes, size_t n)
{
    uint32_t words[FUTEX_WORDS] = {0};
    int tid;
    memcpy(words, bytes, n < sizeof words ? n : sizeof words);
    enum futex_edge_kind kind = futex_judge(call, words, &tid);
    if (kind > FUTEX_EDGE_UNKNOWN || tid < 0 || (kind == FUTEX_EDGE_UNKNOWN && tid != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *text = (const char *)bytes, *at = text;
    struct futex_call call;
    struct futex_mapping mapping;
    if (futex_parse_syscall(text, n, &call) && call.state == FUTEX_WAITING)
        judge(&call, bytes, n);
    while (futex_parse_mapping(&at, text + n, &mapping))
        if (at > text + n)
            abort();
    if (n >= 12) {
        call = (struct futex_call){
            .state = FUTEX_WAITING, .operation = bytes[0] % 16, .is_private = bytes[1] % 2};
        memcpy(&call.value, bytes + 4, sizeof call.value);
        judge(&call, bytes + 4, n - 4);
    }
    return 0;
}
