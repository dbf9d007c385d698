/* The texts of a run that are kept beside its events. */
#ifndef SCHEDVIZ_RECORD_TEXTS_H
#define SCHEDVIZ_RECORD_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kept_text {
    uint64_t time_ns;
    bool timed;
    char *name, *text;
};

struct texts {
    struct kept_text *kept; /* in the order in which they were told */
    unsigned n, capacity;
    size_t n_bytes; /* of all texts */
};

enum text_taken { TEXT_REFUSED, TEXT_KNOWN, TEXT_NEW };

/* recorder_facts() has the rules. TEXT_KNOWN: the same text stands there as the last of its name. */
enum text_taken texts_take(struct texts *store, uint64_t time_ns, bool timed, const char *name,
                           const char *text);

/* The first that was told of this name, timed or not: it stays. NULL: none was. */
const struct kept_text *texts_first(const struct texts *store, const char *name);

void texts_fini(struct texts *store);

#endif
