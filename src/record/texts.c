/* The texts of a run that are kept beside its events. */
#include "texts.h"

#include "../err.h"
#include "limits.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX

/* The newest of this name that is not timed, before `before'. */
static unsigned find_before(const struct texts *s, const char *name, unsigned before)
{
    while (before-- > 0)
        if (!s->kept[before].timed && strcmp(s->kept[before].name, name) == 0)
            return before;
    return NOWHERE;
}

static void drop(struct texts *s, unsigned i)
{
    s->n_bytes -= strlen(s->kept[i].text);
    free(s->kept[i].name);
    free(s->kept[i].text);
    memmove(&s->kept[i], &s->kept[i + 1], (s->n - i - 1) * sizeof *s->kept);
    s->n--;
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        err_no_memory();
    return made;
}

enum text_taken texts_take(struct texts *s, uint64_t time_ns, bool timed, const char *name, const char *text)
{
    const size_t n_name = strlen(name), n_text = strlen(text);
    if (n_name == 0 || n_name >= RECORD_NAME_SIZE || n_text > RECORD_TEXT_MAX)
        return TEXT_REFUSED;
    if (!timed) {
        const unsigned last = find_before(s, name, s->n);
        if (last != NOWHERE && strcmp(s->kept[last].text, text) == 0)
            return TEXT_KNOWN;
        if (last != NOWHERE && find_before(s, name, last) != NOWHERE)
            drop(s, last); /* the first one stays */
    }
    if (n_text > RECORD_TEXTS_MAX - s->n_bytes)
        return TEXT_REFUSED;
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        s->kept = mem_resize(s->kept, s->capacity, sizeof *s->kept);
    }
    s->kept[s->n++] =
        (struct kept_text){.time_ns = time_ns, .timed = timed, .name = copy(name), .text = copy(text)};
    s->n_bytes += n_text;
    return TEXT_NEW;
}

const struct kept_text *texts_first(const struct texts *s, const char *name)
{
    unsigned i = 0;
    while (i < s->n && strcmp(s->kept[i].name, name) != 0)
        i++;
    return i < s->n ? &s->kept[i] : NULL;
}

void texts_fini(struct texts *s)
{
    while (s->n > 0)
        drop(s, s->n - 1);
    free(s->kept);
    *s = (struct texts){0};
}
