/* What the views that draw time share: faces of tasks, lanes of cells, the time axis, figures of the window.
 */
#ifndef SCHEDVIZ_VIEW_LANES_H
#define SCHEDVIZ_VIEW_LANES_H

#include "figures.h"

/* ---- how a task looks ---- */

struct face {
    bool known;
    int32_t tid;
    bool self;                          /* schedviz's own */
    uint8_t paint;                      /* as a foreground */
    uint8_t back;                       /* as a background: the same, for schedviz's own an idle lane's */
    char letter[8];                     /* "A", "AB"; of a task without a slot the first letter of its name,
                                           of a watched program's threads their number in the process */
    char name[EVENT_NAME_SIZE * 4 + 1]; /* harmless to show */
    char
        call[EVENT_NAME_SIZE * 4 + 12]; /* the name; where several threads of a process have it, and number */
    bool by_name;                       /* not one of the engine's: its name says more than its letter */
    bool is_green;                      /* a part of the thread that carries it */
    bool is_outsider;                   /* neither of the workload nor our own */
};

/* How a task is called in a sentence. */
static inline const char *face_call(const struct face *face)
{
    return face->by_name && face->call[0] ? face->call : face->letter;
}

/* Looked up once a frame and task. A face stays where it is until faces_fini(). */
struct faces {
    const struct timeline *tl;
    const struct roster *roster;
    struct face **blocks; /* of neighbours in the timeline; NULL: none of them was asked for */
    unsigned n_blocks;
    int scale; /* of the letters on lanes, one for the frame; 0: the terminal's own */
};
void faces_init(struct faces *faces, const struct scene *scene);
void faces_fini(struct faces *faces);
const struct face *faces_get(struct faces *faces, uint32_t task);

/* A task as its letter on its colour, and its name behind it where it has one and with_name says so. Draws at
 * most max_cols; without a canvas it only measures. Returns the columns used, 0 when it does not fit. */
int view_chip(struct canvas *canvas, struct faces *faces, uint32_t task, int x, int y, int max_cols,
              bool with_name);

/* ---- why it does not run ---- */

/* The instant that figures of now are of: the cursor, the playhead, or the right edge of what is known. */
uint64_t view_instant(const struct scene *scene);
/* As waits_text() has it, harmless to show, shortened to cols; "" when nothing of it fits. Returns buf. */
char *view_why(const struct scene *scene, uint32_t task, uint64_t t_ns, int cols, char *buf, size_t size);

/* ---- geometry: label, lane, figures ---- */

struct lane_frame {
    int label_x, label_cols;
    int x, cols; /* the lane itself */
    int figures_x, figures_cols;
};
struct lane_frame view_lane_frame(const struct scene *scene, struct rect rect);
/* Columns of time that are drawn: the viewport's, as far as the lane has room. */
int view_lane_cols(const struct scene *scene, const struct lane_frame *frame);
/* view_ops.lane_cols of all views. */
int view_lane_frame_cols(const struct scene *scene, struct rect rect);
/* n_rows, n_fit and hit of views in which nothing can be selected. */
unsigned view_no_rows(const struct scene *scene);
unsigned view_no_fit(const struct scene *scene, struct rect rect);
bool view_no_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row, uint64_t *time_ns);
/* The instant under a column of the screen; 0 outside the lane. */
uint64_t view_lane_time(const struct scene *scene, const struct lane_frame *frame, int x);

/* ---- lanes ---- */

/* A span of time cut into columns: the viewport's, or that of a run. */
struct lane_span {
    uint64_t start_ns, col_ns;
    int cols;
    uint64_t known_ns;
    bool ends; /* nothing is expected beyond known_ns: blank, where else it is marked as not known yet */
};
struct lane_span view_lane_span(const struct scene *scene, int cols);

/* Lecture size: the largest letters for which most of what is to be lettered on these lanes is wide enough.
 * To be called before lanes of `rows' rows are drawn; of the CPUs, or of the tasks. */
void view_choose_letters(const struct scene *scene, struct faces *faces, const struct lane_span *span,
                         int rows, bool of_tasks);

/* Draw one lane with its frame. switches, where not NULL, gets the switches of each of the span's columns. */
void view_cpu_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_span *span, int cpu, struct rect rect, double *switches);
void view_task_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                    const struct lane_span *span, uint32_t task, struct rect rect);
/* The sum of a row that stands for several: as high as many run at once, of the cores that they may use. */
void view_sum_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_span *span, const struct roster_row *row, struct rect rect);
/* A row: chip with its letter, name, lane, figures. The lane is `rows' high. */
void view_task_row(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_frame *frame, const struct roster_row *row, int y, int rows,
                   bool selected);
/* What it did in figures_window(): of several together. */
struct figure view_row_figure(const struct scene *scene, const struct roster_row *row);
/* Who a row of a watched program is: indent, fold mark, chip (over all rows of rect), name, with_tid its tid,
 * and what is folded. */
void view_row_label(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                    const struct roster_row *row, struct rect rect, bool with_tid, bool selected);
/* Columns that it needs to say all. */
int view_row_label_cols(struct faces *faces, const struct roster_row *row);
/* The words over the figures of task rows. */
void view_task_heads(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y);

/* Label of a logical CPU: "core 0", with SMT "cpu 3 core 1.1". Returns buf. */
char *view_cpu_label(const struct scene *scene, int cpu, bool wide, char *buf, size_t size);

/* A line that says how many rows lie above and below those shown, and by which keys to come there. */
void view_more(const struct scene *scene, struct canvas *canvas, int x, int y, int cols, unsigned above,
               unsigned below);

/* Lines through all lanes at the cursor and the playhead. */
void view_lane_cursor(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y,
                      int rows);

/* The time axis over the lanes: 1 row of labels; 2: a ruler under them; 3: flags of marks above. */
void view_axis(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y,
               int rows);
int view_axis_rows(int rows);
/* Labels and ruler of a span that begins at 0: 2 rows. */
void view_axis_span(const struct scene *scene, struct canvas *canvas, int x, int cols, int y,
                    uint64_t col_ns);

/* ---- figures ---- */

/* The part of the window that is known. False when there is none. */
bool view_window(const struct scene *scene, uint64_t *lo_ns, uint64_t *hi_ns);

/* "100 %", "25 %", "0.4 %", at most 5 columns; "251/s", "12.5k/s" at most 7. Return buf. */
char *view_percent(double fraction, char *buf, size_t size);
char *view_rate(double per_s, char *buf, size_t size);
/* "1,234,567" cut to what is worth saying: "12.3k", "4.5M". */
char *view_count(uint64_t n, char *buf, size_t size);
/* All digits: "1,234,567". */
char *view_exact_count(int64_t n, char *buf, size_t size);
/* A round span: "88 ms", "1.6 s"; any other as export_duration() has it. */
char *view_span_text(uint64_t ns, char *buf, size_t size);
/* Bars from below, one a column, `most` is as high as the rect. */
void view_bars(const struct scene *scene, struct canvas *canvas, struct rect rect, const double *values,
               double most, enum paint fg);
/* Text that ends at column x + cols. */
void view_right(struct canvas *canvas, int x, int y, int cols, enum paint fg, unsigned attr,
                const char *text);
/* Progress: a bar of `cols` columns. */
void view_bar(const struct scene *scene, struct canvas *canvas, int x, int y, int cols, double fraction,
              enum paint fg);
/* Letters three columns and three rows big for each scale step; returns the columns used (0: does not fit).
 */
int view_big_text(const struct scene *scene, struct canvas *canvas, int x, int y, int max_cols, int scale,
                  enum paint fg, enum paint bg, const char *text);
int view_big_cols(const char *text, int scale);
/* The same, from a half column on. */
void view_big_halves(const struct scene *scene, struct canvas *canvas, int x_halves, int y, int scale,
                     enum paint fg, enum paint bg, const char *text);

/* With the ASCII glyphs, turns what is beyond ASCII in rect (units, dots, names) into ASCII: last act of each
 * view. */
void view_to_ascii(const struct scene *scene, struct canvas *canvas, struct rect rect);

#endif
