/* Formulas of lessons: arithmetic over named figures. */
#ifndef SCHEDVIZ_EXPRESSION_H
#define SCHEDVIZ_EXPRESSION_H

#include "../err.h"

#include <stdbool.h>

/* Numbers (5, 0.25, 1e6), names (letters, digits, _ and . inside), + - * / and unary -, comparisons
 * < <= > >= == != (1 or 0), parentheses, and the functions min, max (two or more values), abs, round, floor,
 * ceil, sqrt, log2. Divided by zero gives NaN. At most 64 levels of parentheses. */

#define EXPRESSION_NAME_SIZE 64

/* What a name stands for. NaN: it is known, but has no value now. */
struct expression_names {
    /* False when there is no such name. */
    bool (*lookup)(const struct expression_names *names, const char *name, double *value);
    /* Writes the known name that is near to an unknown one, if there is one. NULL: none is ever proposed. */
    void (*propose)(const struct expression_names *names, const char *name,
                    char proposal[EXPRESSION_NAME_SIZE]);
};

/* False with one line, naming the place in the text, when it is no formula or a name is unknown. */
bool expression_eval(const char *text, const struct expression_names *names, double *value, struct err *err);

/* Whether it is a formula, whatever its names mean. */
bool expression_check(const char *text, struct err *err);

#endif
