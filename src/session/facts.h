/* What a recording knows beside its events: the machine of the day, what was watched, its runs, its outcome.
 */
#ifndef SCHEDVIZ_SESSION_FACTS_H
#define SCHEDVIZ_SESSION_FACTS_H

#include "../lesson/lecture.h"
#include "../machine.h"
#include "../session.h"

/* The name of the text in a recording; the last one counts. */
#define FACTS_NAME "session"

/* From a text to structures and back. The text is a JSON object, described in schedviz-recording(5); what it
 * lacks is zero or empty, and what it has in addition is passed over. */
struct session_facts {
    char made_by[32];         /* version of schedviz, or of the tool whose trace was imported */
    char made_at[32];         /* local date and time of the machine of the day, ISO 8601 with its offset */
    char host[65];            /* its name */
    struct machine machine;   /* of the day */
    struct session_info info; /* its texts are the facts' own; workload.program is NULL */
    char source[16], reason[320], name[128];
    bool has_target;
    struct session_target target;
    struct run *runs;
    unsigned n_runs;
    uint16_t reference; /* run number, 0: none */
    enum comparison comparison;
    char **warnings;
    unsigned n_warnings;
    char *file, *text; /* the workload file and its name; NULL: none */
    bool self_told;    /* tasks told their slices themselves: timeline_set_self_told() */
    enum task_role default_role;
    size_t memory_bytes; /* of the timeline then */
    uint64_t now_ns;     /* the end of what was known when the recording was ended; 0: it was cut off */

    /* Of a lesson: answers of all steps one after the other, in the order of the file. */
    struct lecture_answer *answers;
    unsigned n_answers;
    struct lecture_step *steps;
    unsigned n_steps;
};

/* The caller frees the text with free(3). lecture may be NULL. */
char *facts_write(const struct session *session, const struct machine *machine,
                  const struct lecture *lecture);

/* False with a line when the text is no JSON object. Numbers out of bounds are brought into them. */
bool facts_read(struct session_facts *facts, const char *text, size_t length, struct err *err);
void facts_fini(struct session_facts *facts);

#endif
