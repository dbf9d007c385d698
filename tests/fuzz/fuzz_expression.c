/* Fuzz target: formulas of lessons. What can be computed passes the check, and what fails says so in one
 * line. */
#include "../../src/lesson/expression.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool look_up(const struct expression_names *names, const char *name, double *value)
{
    (void)names;
    *value = strlen(name) % 3 ? (double)strlen(name) : NAN;
    return name[0] != 'q';
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct expression_names names = {.lookup = look_up};
    struct err err;
    double value;
    char *text = malloc(n + 1);
    if (!text)
        abort();
    memcpy(text, bytes, n);
    text[n] = '\0';
    const bool computed = expression_eval(text, &names, &value, &err);
    if (!computed && memchr(err.msg, '\0', sizeof err.msg) == NULL)
        abort();
    if (computed && !expression_check(text, &err))
        abort();
    free(text);
    return 0;
}
