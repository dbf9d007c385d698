/* The program with a screen: its state, and the loop that turns events and keys into frames. */
#ifndef SCHEDVIZ_APP_H
#define SCHEDVIZ_APP_H

#include "canvas.h"
#include "options.h"
#include "screen.h"
#include "view.h"
#include "viewport.h"

enum dialog_kind { DIALOG_NONE, DIALOG_HELP, DIALOG_PICKER, DIALOG_INSPECT };

#define N_VIEWS 5

struct app {
    const struct options *options;
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
    bool lecture;
    enum theme_name theme;
    unsigned trigger_slot;
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
    bool dirty; /* draw at once */
    bool quit;

    /* Rebuilt for each frame. */
    struct scene scene;
    struct scene_cpu *cpus;
    uint32_t *tasks;
    struct rect view_rect;
};

extern const struct view_ops *const app_views[N_VIEWS];

/* Runs until the user leaves. The session and the screen are the caller's. Returns the exit status. */
int app_run(const struct options *options, struct machine *machine, struct session *session,
            struct screen *screen);

/* For actions: a line at the bottom for a few seconds. */
void app_notice(struct app *app, bool is_alert, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The scene as of now: lanes, tasks, selection. */
void app_build_scene(struct app *app);

/* The task in the selected row, or TIMELINE_NO_TASK; the CPU in the selected row, or -1. */
uint32_t app_selected_task(const struct app *app);
int app_selected_cpu(const struct app *app);

#endif
