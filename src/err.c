/* Error messages, and memory that does not fail. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool err_set(struct err *err, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->msg, sizeof err->msg, format, args);
        va_end(args);
    }
    return false;
}

/* SIGABRT is one of the signals whose handler restores the screen and ends the workload. */
_Noreturn void err_no_memory(void)
{
    abort();
}

void *mem_new(unsigned long n, unsigned long size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        err_no_memory();
    return p;
}

void *mem_resize(void *old, unsigned long n, unsigned long size)
{
    void *p = reallocarray(old, n ? n : 1, size ? size : 1);
    if (!p)
        err_no_memory();
    return p;
}
