/* The program with a screen: its state, and the loop that turns events and keys into frames. */
#ifndef SCHEDVIZ_APP_H
#define SCHEDVIZ_APP_H

#include "canvas.h"
#include "lectern.h"
#include "library.h"
#include "scene.h"
#include "screen.h"
#include "setup.h"
#include "tape.h"
#include "view.h"

enum dialog_kind {
    DIALOG_NONE,
    DIALOG_HELP,
    DIALOG_PICKER,
    DIALOG_INSPECT,
    DIALOG_LESSONS,
    DIALOG_LEAVE, /* whether a command is to end */
    DIALOG_RECORD,
    DIALOG_EXPORT
};

#define FILTER_SIZE 48

/* How it was left. */
struct app_end {
    bool deadlock;      /* the user asked to leave at the first one */
    bool failed;        /* nothing ran any more: the engine's host was killed */
    struct setup *next; /* what to show next: the caller's to free; NULL: nothing */
};

#define N_VIEWS 6

struct app {
    const struct options *options;
    const struct setup *setup;
    struct machine *machine;
    struct session *session;
    struct screen *screen;
    struct canvas canvas;
    struct viewport viewport;

    unsigned view; /* index into app_views */
    unsigned selected[N_VIEWS], scroll[N_VIEWS];
    bool selecting; /* a row was chosen by hand: show it */
    int sort_column;
    bool sort_reverse;
    bool large; /* lecture size */
    enum theme_name theme;
    enum theme_depth depth;
    unsigned trigger_slot;
    uint32_t trigger_task; /* of a watched program */
    bool with_ended;       /* the table has tasks that are gone, too */

    char filter[FILTER_SIZE];   /* of the rows; "": none */
    bool is_typing;             /* it */
    enum time_mode resume_mode; /* where Space goes back to */

    enum dialog_kind dialog;
    unsigned dialog_row; /* picker: the selected CPU; help: the first line */

    char notice[200]; /* the answer to the last key, for a while */
    bool notice_is_alert;
    uint64_t notice_until_ns;
    uint64_t seen_message_ns; /* the session's message that was taken over as a notice */

    bool stopped;       /* --duration is over */
    uint16_t ended_run; /* the run whose end was told last */
    bool at_end;        /* standing at its end, until the next run begins or the user moves on */
    uint64_t next_frame_ns, next_slow_frame_ns;
    uint64_t next_antagonists_ns; /* they are dear to find */
    bool dirty;                   /* draw at once */
    bool quit;
    struct app_end end;

    struct lectern lectern;
    struct library library;
    struct tape tape;
    uint64_t shown_alert_ns;  /* the deadlock in the last frame; 0: none */
    uint64_t closed_alert_ns; /* alerts up to then were closed by the user */
    unsigned n_told;          /* warnings that were told */

    struct roster *roster;   /* of a watched program; NULL: the workload is our own */
    struct figures *figures; /* the same */
    bool end_told;           /* that the program has ended */
    struct {
        bool is_open;
        struct transcript text;
        uint64_t n_read,
            n_seen;   /* bytes that the text is made of, and that were there when the user saw it */
        int cols;     /* for which it was made */
        unsigned up;  /* rows between its end and the last one shown */
        unsigned fit; /* rows that the pane has */
    } output;

    /* Rebuilt for each frame. */
    struct scene scene;
    struct roster_row *rows; /* of our own workload */
    uint32_t selected_task;  /* in the selected row, where rows come and go */
    unsigned *order;         /* of the table */
    unsigned n_order;
    int order_column;
    bool order_reverse;
    uint64_t sorted_ns;
    int name_cols; /* of the rows' labels, and when it was settled */
    uint64_t named_ns;
    struct scene_cpu *cpus;
    uint32_t *tasks;
    struct scene_object *objects;
    struct rect view_rect, pane_rect; /* of the lesson or the output; no rows: it is not shown */
};

extern const struct view_ops *const app_views[N_VIEWS];

/* Runs until the user leaves or opens another lesson. All arguments are the caller's; lecture NULL: none. */
struct app_end app_run(const struct options *options, const struct setup *setup, struct machine *machine,
                       struct session *session, struct lecture *lecture, struct screen *screen);

/* For actions: a line at the bottom for a few seconds. */
void app_notice(struct app *app, bool is_alert, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The task in the selected row, or TIMELINE_NO_TASK; the CPU in the selected row, or -1. */
uint32_t app_selected_task(const struct app *app);
int app_selected_cpu(const struct app *app);

#endif
