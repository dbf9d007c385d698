/* Marks and alerts of a recording, told beside its events. */
#include "flags.h"

#include "../timeline/waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum mark_kind kind;
} names[] = {
    {"mark", MARK_CHANGE},
    {"deadlock", MARK_DEADLOCK},
    {"held long", MARK_WARNING},
    {"queue grows", MARK_WARNING},
};
enum { N_NAMES = sizeof names / sizeof *names };

/* ---- writing ---- */

static const char *name_of(const struct alert *alert)
{
    static const char *const of_kind[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held long", [ALERT_QUEUE_GROWS] = "queue grows"};
    return of_kind[alert->kind];
}

static void tell(struct flags *flags, struct recorder *recorder, uint64_t time_ns, const char *name,
                 const char *text)
{
    if (flags->n < FLAGS_MAX && recorder_facts(recorder, time_ns, true, name, text))
        flags->n++;
}

void flags_tell(struct flags *flags, const struct timeline *tl, struct recorder *recorder)
{
    const struct waits *waits = timeline_waits(tl);
    for (; flags->n_marks < timeline_n_marks(tl); flags->n_marks++) {
        const struct mark *mark = timeline_mark(tl, flags->n_marks);
        tell(flags, recorder, mark->time_ns, "mark", mark->text);
    }
    for (; flags->n_alerts < waits_n_alerts(waits); flags->n_alerts++) {
        const struct alert *alert = waits_alert(waits, flags->n_alerts);
        tell(flags, recorder, alert->time_ns, name_of(alert), alert->text);
    }
}

/* ---- reading ---- */

static bool read_one(struct reader *reader, unsigned i, struct mark *mark)
{
    const struct facts *facts = reader_facts(reader, i);
    struct err err;
    for (unsigned k = 0; facts->timed && k < N_NAMES; k++) {
        if (strcmp(facts->name, names[k].name) != 0)
            continue;
        char *text = reader_text(reader, i, NULL, &err);
        if (!text)
            return false;
        *mark = (struct mark){.time_ns = facts->time_ns, .kind = names[k].kind};
        snprintf(mark->text, sizeof mark->text, "%s", mark->kind == MARK_CHANGE ? text : facts->name);
        free(text);
        return true;
    }
    return false;
}

static int by_time(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

unsigned flags_read(struct reader *reader, struct mark **marks)
{
    const unsigned n_facts = reader_n_facts(reader);
    uint64_t first_ns, last_ns;
    unsigned n = 0;
    reader_span(reader, &first_ns, &last_ns);
    *marks = mem_new((n_facts < FLAGS_MAX ? n_facts : FLAGS_MAX) + 1ul, sizeof **marks);
    for (unsigned i = 0; i < n_facts && n < FLAGS_MAX; i++)
        if (reader_facts(reader, i)->time_ns >= first_ns && reader_facts(reader, i)->time_ns <= last_ns)
            n += read_one(reader, i, &(*marks)[n]);
    qsort(*marks, n, sizeof **marks, by_time);
    return n;
}
