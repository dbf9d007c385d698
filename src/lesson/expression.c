/* Formulas: read by recursive descent and computed on the way. */
#include "expression.h"

#include "../workload/load_text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64

struct reader {
    const char *text, *at;
    const struct expression_names *names; /* NULL: every name is taken, and is 1 */
    struct err *err;
    unsigned depth;
};

static bool fail(struct reader *r, const char *what)
{
    err_set(r->err, "\"%.80s\": %s at character %d", r->text, what, (int)(r->at - r->text) + 1);
    return false;
}

static void skip_space(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n')
        r->at++;
}

/* Takes the word if it is next. */
static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    skip_space(r);
    if (strncmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool read_comparison(struct reader *r, double *value);

static double one_value(const char *function, double x)
{
    static const struct {
        const char *name;
        double (*run)(double);
    } of_one[] = {{"abs", fabs},  {"round", round}, {"floor", floor},
                  {"ceil", ceil}, {"sqrt", sqrt},   {"log2", log2}};
    for (size_t i = 0; i < sizeof of_one / sizeof *of_one; i++) {
        if (strcmp(function, of_one[i].name) == 0)
            return of_one[i].run(x);
    }
    return x;
}

static const char *const functions[] = {"min", "max", "abs", "round", "floor", "ceil", "sqrt", "log2"};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

static bool is_function(const char *name, bool *many)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        *many = i < 2;
        if (strcmp(name, functions[i]) == 0)
            return true;
    }
    return false;
}

static bool fail_function(struct reader *r, const char *name)
{
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        nearest_try(&nearest, functions[i]);
    if (!nearest.best)
        return fail(r, "no such function");
    return err_set(r->err, "\"%.80s\": there is no function `%s'; did you mean `%s'?", r->text, name,
                   nearest.best);
}

/* After the opening parenthesis. A value that is not known makes the whole so. */
static bool read_call(struct reader *r, const char *function, bool many, double *value)
{
    const bool least = strcmp(function, "min") == 0;
    if (!read_comparison(r, value))
        return false;
    *value = one_value(function, *value);
    while (take(r, ",")) {
        double next;
        if (!many)
            return fail(r, "this function takes one value");
        if (!read_comparison(r, &next))
            return false;
        if (isnan(next) || isnan(*value))
            *value = NAN;
        else
            *value = (next < *value) == least ? next : *value;
    }
    return take(r, ")") || fail(r, "a ) is missing");
}

static bool fail_name(struct reader *r, const char *name)
{
    char proposal[EXPRESSION_NAME_SIZE] = "";
    if (r->names->propose)
        r->names->propose(r->names, name, proposal);
    if (proposal[0])
        return err_set(r->err, "\"%.80s\": there is no figure `%s'; did you mean `%s'?", r->text, name,
                       proposal);
    return err_set(r->err, "\"%.80s\": there is no figure `%s'; schedviz-workload(5) names them", r->text,
                   name);
}

static bool read_name(struct reader *r, double *value)
{
    char name[EXPRESSION_NAME_SIZE];
    size_t n = 0;
    bool many;
    while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_' || r->at[n] == '.')
        n++;
    if (n >= sizeof name)
        return fail(r, "too long a name");
    memcpy(name, r->at, n);
    name[n] = '\0';
    if (r->at[n + strspn(r->at + n, " \t\n")] == '(') {
        if (!is_function(name, &many))
            return fail_function(r, name);
        r->at += n;
        take(r, "(");
        return read_call(r, name, many, value);
    }
    *value = 1;
    if (r->names && !r->names->lookup(r->names, name, value))
        return fail_name(r, name);
    r->at += n;
    return true;
}

static bool read_number(struct reader *r, double *value)
{
    char *end;
    *value = strtod(r->at, &end);
    if (end == r->at)
        return fail(r, "a number, a name or ( is missing");
    r->at = end;
    return true;
}

static bool read_factor(struct reader *r, double *value)
{
    bool ok;
    if (++r->depth > MAX_DEPTH)
        return fail(r, "too many levels");
    if (take(r, "-")) {
        ok = read_factor(r, value);
        *value = -*value;
    } else if (take(r, "(")) {
        ok = read_comparison(r, value) && (take(r, ")") || fail(r, "a ) is missing"));
    } else if (isalpha((unsigned char)*r->at) || *r->at == '_') {
        ok = read_name(r, value);
    } else if (isdigit((unsigned char)*r->at) || *r->at == '.') {
        ok = read_number(r, value);
    } else {
        ok = fail(r, "a number, a name or ( is missing");
    }
    r->depth--;
    return ok;
}

static bool read_product(struct reader *r, double *value)
{
    double next;
    if (!read_factor(r, value))
        return false;
    for (;;) {
        bool times = take(r, "*");
        if (!times && !take(r, "/"))
            return true;
        if (!read_factor(r, &next))
            return false;
        if (times)
            *value *= next;
        else
            *value = next == 0 ? NAN : *value / next;
    }
}

static bool read_sum(struct reader *r, double *value)
{
    double next;
    if (!read_product(r, value))
        return false;
    for (;;) {
        bool plus = take(r, "+");
        if (!plus && !take(r, "-"))
            return true;
        if (!read_product(r, &next))
            return false;
        *value = plus ? *value + next : *value - next;
    }
}

/* The longer word comes before the one that it begins with. */
static bool read_comparison(struct reader *r, double *value)
{
    static const char *const signs[] = {"<=", ">=", "==", "!=", "<", ">"};
    double left, right;
    if (!read_sum(r, &left))
        return false;
    *value = left;
    for (int i = 0; i < 6; i++) {
        if (!take(r, signs[i]))
            continue;
        if (!read_sum(r, &right))
            return false;
        const bool holds[] = {left <= right, left >= right, !(left < right) && !(left > right),
                              left < right || left > right, left<right, left> right};
        *value = isnan(left) || isnan(right) ? NAN : holds[i];
        return true;
    }
    return true;
}

bool expression_eval(const char *text, const struct expression_names *names, double *value, struct err *err)
{
    struct reader r = {.text = text, .at = text, .names = names, .err = err};
    if (!read_comparison(&r, value))
        return false;
    skip_space(&r);
    return *r.at == '\0' || fail(&r, "something is left over");
}

bool expression_check(const char *text, struct err *err)
{
    double value;
    return expression_eval(text, NULL, &value, err);
}
