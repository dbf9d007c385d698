/* Single values of a workload file, and what is said when they are not right. */
#include "load.h"

#include "../lesson/expression.h"
#include "workload.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Messages ---- */

bool load_fail(struct loader *l, struct place at, const char *format, ...)
{
    struct err what;
    va_list args;

    va_start(args, format);
    vsnprintf(what.msg, sizeof what.msg, format, args);
    va_end(args);
    program_fail(l->program, at.line, at.column, &what);
    return err_set(l->err, "%s", what.msg);
}

struct shown load_shown(const char *word)
{
    struct shown shown;
    size_t n = 0, room = sizeof shown.text - 4;

    for (; n < room && word[n]; n++)
        shown.text[n] = iscntrl((unsigned char)word[n]) ? '?' : word[n];
    if (word[n])
        while (n > 0 && ((unsigned char)word[n] & 0xC0) == 0x80) /* not half a character */
            n--;
    strcpy(shown.text + n, word[n] ? "..." : "");
    return shown;
}

static const char *kind_of(const struct node *node)
{
    switch (node->kind) {
    case NODE_SEQUENCE:
        return "a list";
    case NODE_MAPPING:
        return "a group { }";
    case NODE_SCALAR:
        break;
    }
    return load_is_null(node) ? "nothing" : node->quoted ? "a text in quotes" : "a word";
}

static bool fail_needed(struct loader *l, const struct node *node, const char *what, const char *wanted,
                        const char *way_out)
{
    if (node->kind != NODE_SCALAR || load_is_null(node))
        return load_fail(l, node->place, "%s: %s is missing, here is %s", what, wanted, kind_of(node));
    return load_fail(l, node->place, "%s: %s is needed, not `%s'%s", what, wanted,
                     load_shown(node->text).text, way_out);
}

static bool fail_type(struct loader *l, const struct node *node, const char *what, const char *wanted)
{
    return fail_needed(l, node, what, wanted, "");
}

/* Where a number alone would be taken. */
static bool fail_number(struct loader *l, const struct node *node, const char *what, const char *wanted)
{
    int64_t n;
    const bool is_quoted = node->quoted && text_number(node->text, &n) == TEXT_IS_NUMBER;
    return fail_needed(l, node, what, wanted, is_quoted ? "; leave the quotes out" : "");
}

/* ---- Scalars ---- */

char *load_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_new(size, 1), text, size);
}

bool load_is_null(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}

static bool is_plain(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted && !load_is_null(node);
}

bool load_int(struct loader *l, const struct node *node, const char *what, int64_t min, int64_t max,
              int64_t *value)
{
    enum text_number found = is_plain(node) ? text_number(node->text, value) : TEXT_NO_NUMBER;

    if (found == TEXT_NO_NUMBER)
        return fail_number(l, node, what, "a whole number");
    if (found == TEXT_NUMBER_TOO_LARGE || *value < min || *value > max)
        return load_fail(l, node->place, "%s: %s is out of range; give %lld to %lld", what,
                         load_shown(node->text).text, (long long)min, (long long)max);
    return true;
}

bool load_bool(struct loader *l, const struct node *node, const char *what, bool *value)
{
    bool yes = is_plain(node) && strcasecmp(node->text, "true") == 0;

    if (!yes && !(is_plain(node) && strcasecmp(node->text, "false") == 0))
        return fail_type(l, node, what, "true or false");
    *value = yes;
    return true;
}

bool load_time(struct loader *l, const struct node *node, const char *what, bool need_unit, uint64_t *ns)
{
    bool has_unit = false;
    enum text_number found = TEXT_NO_NUMBER;

    if (node->kind == NODE_SCALAR && *node->text == '-')
        return load_fail(l, node->place, "%s: a time below zero: %s; give 0 or more", what,
                         load_shown(node->text).text);
    if (node->kind == NODE_SCALAR)
        found = text_time(node->text, ns, &has_unit);
    if (found == TEXT_IS_NUMBER && !has_unit && need_unit && *ns > 0)
        return load_fail(l, node->place, "%s: a unit is missing; write \"%ss\" or \"%sms\"", what,
                         load_shown(node->text).text, load_shown(node->text).text);
    if (found == TEXT_IS_NUMBER && !has_unit && (node->quoted || strchr(node->text, '.')))
        found = TEXT_NO_NUMBER;
    if (found == TEXT_NO_NUMBER)
        return fail_number(l, node, what,
                           need_unit ? "a time such as \"2s\" or \"500ms\""
                                     : "a time (whole microseconds, or such as \"2ms\")");
    if (found == TEXT_IS_NUMBER && !has_unit && __builtin_mul_overflow(*ns, UINT64_C(1000), ns))
        found = TEXT_NUMBER_TOO_LARGE;
    if (found == TEXT_NUMBER_TOO_LARGE || *ns > LOAD_MAX_NS)
        return load_fail(l, node->place, "%s: %s is longer than a year; give less", what,
                         load_shown(node->text).text);
    return true;
}

bool load_name(struct loader *l, const struct node *node, const char *what, const char **name)
{
    if (node->kind != NODE_SCALAR || load_is_null(node))
        return fail_type(l, node, what, "a name");
    if (!*node->text)
        return load_fail(l, node->place, "%s: the name is empty; write one", what);
    for (const char *c = node->text; *c; c++)
        if (iscntrl((unsigned char)*c))
            return load_fail(l, node->place, "%s: a control character in a name; take it out", what);
    *name = node->text;
    return true;
}

bool load_text(struct loader *l, const struct node *node, const char *what, char **text)
{
    if (node->kind != NODE_SCALAR || load_is_null(node))
        return fail_type(l, node, what, "a text");
    for (const char *c = node->text; *c; c++)
        if (iscntrl((unsigned char)*c) && *c != '\n' && *c != '\t')
            return load_fail(l, node->place, "%s: a control character in a text; take it out", what);
    free(*text);
    *text = load_copy(node->text);
    for (size_t n = strlen(*text); n > 0 && isspace((unsigned char)(*text)[n - 1]); n--)
        (*text)[n - 1] = '\0';
    return true;
}

static bool take_formula(struct loader *l, const struct node *node, const char *what, bool is_good,
                         const struct err *why, struct formula *formula)
{
    if (!is_good)
        return load_fail(l, node->place, "%s: %s", what, why->msg);
    formula->line = node->place.line;
    formula->column = node->place.column;
    return load_text(l, node, what, &formula->text);
}

bool load_formula(struct loader *l, const struct node *node, const char *what, struct formula *formula)
{
    struct err why = {""};

    if (node->kind != NODE_SCALAR || load_is_null(node))
        return fail_type(l, node, what, "a number or a formula");
    return take_formula(l, node, what, expression_check(node->text, &why), &why, formula);
}

struct setting_names {
    struct expression_names names; /* first: find_setting() comes back from it */
    unsigned n;
};

static const char *const setting_words[] = {"cpus", "cores", "tasks"};

static bool find_setting(const struct expression_names *names, const char *name, double *value)
{
    const struct setting_names *allowed = (const struct setting_names *)names;

    *value = 1;
    for (unsigned i = 0; i < allowed->n && i < sizeof setting_words / sizeof *setting_words; i++)
        if (strcmp(setting_words[i], name) == 0)
            return true;
    return false;
}

static void propose_setting(const struct expression_names *names, const char *name,
                            char proposal[EXPRESSION_NAME_SIZE])
{
    const struct setting_names *allowed = (const struct setting_names *)names;
    struct nearest nearest = {.word = name};

    for (unsigned i = 0; i < allowed->n && i < sizeof setting_words / sizeof *setting_words; i++)
        nearest_try(&nearest, setting_words[i]);
    if (nearest.best)
        snprintf(proposal, EXPRESSION_NAME_SIZE, "%s", nearest.best);
}

bool load_setting(struct loader *l, const struct node *node, const char *what, unsigned n_names,
                  struct formula *formula)
{
    const struct setting_names names = {{find_setting, propose_setting}, n_names};
    struct err why = {""};
    double value;

    if (node->kind != NODE_SCALAR || load_is_null(node))
        return fail_type(l, node, what, "a number or a formula");
    return take_formula(l, node, what, expression_eval(node->text, &names.names, &value, &why), &why,
                        formula);
}

bool load_word(struct loader *l, const struct node *node, const char *what, const char *const *words,
               unsigned n_words, unsigned *index)
{
    char all[160] = "";
    size_t used = 0;

    if (node->kind != NODE_SCALAR || load_is_null(node))
        return fail_type(l, node, what, "a word");
    struct nearest nearest = {.word = node->text};
    for (*index = 0; *index < n_words; ++*index) {
        if (strcmp(words[*index], node->text) == 0)
            return true;
        nearest_try(&nearest, words[*index]);
        if (used < sizeof all)
            used +=
                (size_t)snprintf(all + used, sizeof all - used, "%s%s", *index ? ", " : "", words[*index]);
    }
    if (nearest.best)
        return load_fail(l, node->place, "%s: `%s' is not known; did you mean `%s'?", what,
                         load_shown(node->text).text, nearest.best);
    return load_fail(l, node->place, "%s: `%s' is not known; there are %s", what, load_shown(node->text).text,
                     all);
}

bool load_kind(struct loader *l, const struct node *node, bool *has_kind, enum task_kind *kind)
{
    static const char *const words[] = {
        [TASK_THREAD] = "thread", [TASK_PROCESS] = "process", [TASK_GREEN] = "green"};
    unsigned index = 0;

    if (!load_word(l, node, "kind", words, 3, &index))
        return false;
    *has_kind = true;
    *kind = (enum task_kind)index;
    return true;
}

bool load_placement(struct loader *l, const struct node *node, int *placement)
{
    static const char *const words[] = {[PLACEMENT_PINNED] = "pinned", [PLACEMENT_FREE] = "free"};
    unsigned index = 0;

    if (!load_word(l, node, "placement", words, 2, &index))
        return false;
    *placement = (int)index;
    return true;
}

bool load_policy(struct loader *l, const struct node *node, enum policy *policy)
{
    static const enum policy policies[] = {POLICY_OTHER, POLICY_BATCH, POLICY_IDLE,
                                           POLICY_FIFO,  POLICY_RR,    POLICY_DEADLINE};
    const char *words[sizeof policies / sizeof *policies];
    unsigned n = sizeof policies / sizeof *policies, index;

    for (index = 0; index < n; index++)
        words[index] = policy_name(policies[index]);
    if (!load_word(l, node, "policy", words, n, &index))
        return false;
    *policy = policies[index];
    return true;
}

bool load_priority(struct loader *l, const struct node *node, struct settings *settings)
{
    int64_t value = 0;

    if (!load_int(l, node, "priority", -20, 99, &value))
        return false;
    settings->has_priority = true;
    settings->priority = (int)value;
    return true;
}

/* ---- Mappings ---- */

bool load_is_mapping(struct loader *l, const struct node *node, const char *what)
{
    if (node->kind != NODE_MAPPING)
        return fail_type(l, node, what, "a group { NAME: VALUE, ... }");
    return true;
}

bool load_is_sequence(struct loader *l, const struct node *node, const char *what)
{
    if (node->kind != NODE_SEQUENCE)
        return fail_type(l, node, what, "a list [ ... ]");
    return true;
}

static bool fail_field(struct loader *l, const struct node *key, const struct fields *fields)
{
    struct nearest nearest = {.word = key->text};

    for (unsigned i = 0; i < fields->n; i++)
        nearest_try(&nearest, fields->names[i]);
    if (fields->other)
        fields->other("", &nearest);
    if (strpbrk(key->text, "()"))
        return load_fail(l, key->place,
                         "`%s' looks like the rest of a formula with a comma; put it all in quotes",
                         load_shown(key->text).text);
    if (nearest.best)
        return load_fail(l, key->place, "`%s' is not known in %s; did you mean `%s'?",
                         load_shown(key->text).text, fields->what, nearest.best);
    return load_fail(l, key->place, "`%s' is not known in %s; schedviz-workload(5) has what is",
                     load_shown(key->text).text, fields->what);
}

static unsigned find_field(const struct fields *fields, const char *name)
{
    unsigned i = 0;

    while (i < fields->n && (fields->names[i][0] != name[0] || strcmp(fields->names[i], name) != 0))
        i++;
    return i;
}

bool load_fields(struct loader *l, const struct node *node, const struct fields *fields,
                 const struct node **values)
{
    memset(values, 0, fields->n * sizeof(const struct node *));
    if (!load_is_mapping(l, node, fields->what))
        return false;
    for (const struct node *key = node->first; key; key = key->next->next) {
        unsigned i = find_field(fields, key->text);
        if (i == fields->n && (!fields->other || !fields->other(key->text, NULL)))
            return fail_field(l, key, fields);
        if (i < fields->n && values[i])
            return load_fail(l, key->place, "`%s' is said twice; leave one of them out", fields->names[i]);
        if (i < fields->n)
            values[i] = key->next;
    }
    return true;
}
