/* Ways out of the model: one file per format. */
#ifndef SCHEDVIZ_EXPORT_H
#define SCHEDVIZ_EXPORT_H

#include "../report.h"

#include <stdio.h>

/* Each writes the whole report and returns false when the stream failed (errno tells). */
bool export_text(const struct report *report, FILE *out);
bool export_json(const struct report *report, FILE *out);

/* The part of the time axis that is exported. */
struct export_window {
    uint64_t start_ns, span_ns; /* span_ns 0: all that history holds */
};

/* Writes all slices that overlap the window, one a line; or as a trace for Perfetto (its UI and its trace
 * processor) with the marks, the alerts, what was lost, and the green tasks. Slices are told whole. Memory
 * does not grow with their number. False when the stream failed (errno tells). */
bool export_csv(const struct report *report, const struct timeline *tl, const struct export_window *window,
                FILE *out);
bool export_perfetto(const struct report *report, const struct timeline *tl,
                     const struct export_window *window, FILE *out);

/* The window as a figure for slides and handouts, below 1 MB: where there are more slices, the narrowest are
 * drawn as shares. And as a page for a browser that needs nothing else, with every slice that overlaps the
 * window: it zooms and tells of each. False when the stream failed (errno tells). */
bool export_svg(const struct report *report, const struct timeline *tl, const struct export_window *window,
                FILE *out);
bool export_html(const struct report *report, const struct timeline *tl, const struct export_window *window,
                 FILE *out);

/* Writes the report and all slices of the timeline into the empty file at path, as an SQLite database; the
 * path has no symbolic link in it. False with the database's own word. */
bool export_sqlite(const struct report *report, const struct timeline *tl, const char *path, struct err *err);

/* Writes a name with everything that could command a terminal shown as \xNN (UTF-8 that is valid and
 * printable stays). */
void export_safe_name(const char *name, char *buf, size_t size);

/* The words of the JSON report and of the database for an alert of a kind. */
const char *export_alert_kind(enum alert_kind kind);

/* "3.98 ms", "1.40 µs", "250 ns", "12.3 s", "2 min 05 s": three significant digits and a unit; "us" where the
 * locale (setlocale(3)) has no UTF-8. Returns buf. */
char *export_duration(uint64_t ns, char *buf, size_t size);

/* "1.98", "0.333 ms", "98.2 %": three significant digits, whole numbers as they are. Returns buf. */
char *export_figure(double value, const char *unit, char *buf, size_t size);

#endif
