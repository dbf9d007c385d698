/* What is recorded and replayed, on the screen: where a recording is played, keys that record and export. */
#ifndef SCHEDVIZ_TAPE_H
#define SCHEDVIZ_TAPE_H

#include <stdbool.h>
#include <stdint.h>

struct app;
struct screen_key;

#define TAPE_NAME_SIZE 512

enum tape_format {
    TAPE_SVG,
    TAPE_HTML,
    TAPE_PERFETTO,
    TAPE_CSV,
    TAPE_JSON,
    TAPE_SQLITE,
    TAPE_TEXT,
    TAPE_ANSI,
    TAPE_N_FORMATS
};

struct tape {
    /* Of what is replayed. */
    bool is_replay, is_placed;
    uint64_t first_ns, last_ns;
    uint64_t play_ns;  /* where it is played */
    uint64_t moved_ns; /* when it was moved last: CLOCK_MONOTONIC */
    bool plays;        /* it was played in the last turn */
    uint64_t shown_ns; /* where it would go on to be played: the instant that the last turn was about */

    /* What is typed and chosen in a dialog. */
    char name[TAPE_NAME_SIZE];
    bool is_typed;   /* the name is the user's own: it does not follow what is chosen */
    bool replaces;   /* the file is there: Enter again writes over it */
    unsigned from;   /* record: from when */
    unsigned format; /* export: enum tape_format */
    bool all;        /* export: all of it, not the window alone */
};

void tape_init(struct app *app);

/* Once a turn, before the frame: plays a recording on, and shows a lesson's step when it is played. */
void tape_turn(struct app *app);
/* The instant that the screen is about: the cursor, the playhead, where it is played; live, now. */
uint64_t tape_at_ns(const struct app *app);
/* What a recording shows first: once, when the viewport knows its columns. */
void tape_set_time(struct app *app);
/* Stands still with about that time filling the window, four fifths of it at least. */
void tape_show(struct app *app, uint64_t from_ns, uint64_t to_ns);

/* The dialogs; they take all keys. */
bool tape_key(struct app *app, const struct screen_key *key);
void tape_draw_record(struct app *app);
void tape_draw_export(struct app *app);

void action_record(struct app *app, int unused);
void action_past(struct app *app, int unused);
void action_export(struct app *app, int unused);

#endif
