/* Errors of the outside world, as one line for a person to read. */
#ifndef SCHEDVIZ_ERR_H
#define SCHEDVIZ_ERR_H

#include <stdbool.h>

/* The caller's storage. The message names the thing that failed and, where there is one, the way out;
 * it has no newline and no program name. */
struct err {
    char msg[320];
};

/* Formats a message into err (err may be NULL) and returns false, so that a function can end with
 * `return err_set(err, ...)`. A message that is too long is cut, never overflows. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prefix of an allocation failure: ends the process through abort handlers; memory never "fails softly". */
_Noreturn void err_no_memory(void);

/* calloc and realloc that do not fail: both call err_no_memory(). n * size is checked for overflow. */
void *mem_new(unsigned long n, unsigned long size);
void *mem_resize(void *old, unsigned long n, unsigned long size);

#endif
