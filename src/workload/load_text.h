/* Text beneath the loader: comments taken out, numbers and times read, and the word that was probably meant.
 * Nothing here knows of YAML or of programs. */
#ifndef SCHEDVIZ_LOAD_TEXT_H
#define SCHEDVIZ_LOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From 1; columns count characters, not bytes. */
struct place {
    unsigned line, column;
};

/* A copy of the text (to be freed) in which comments in the style of C are spaces, so that everything keeps
 * its place. They are looked for at the beginning of a file, and everywhere in one whose first word is an
 * opening brace, outside of quotes and of YAML's own comments. NULL, with the place where it begins, when a
 * comment does not end. */
char *text_blank_comments(const char *text, size_t length, size_t *new_length, struct place *begin);

enum text_number { TEXT_IS_NUMBER, TEXT_NO_NUMBER, TEXT_NUMBER_TOO_LARGE };

/* A whole number with nothing around it; '-' may stand before it. */
enum text_number text_number(const char *text, int64_t *value);

/* "500ms", "1.5 s", "200us", "2min", "100ns"; *has_unit is false, and *ns the number alone, when no unit
 * follows. */
enum text_number text_time(const char *text, uint64_t *ns, bool *has_unit);

/* The nearest of several words. Begin with {.word = WORD}; best is NULL as long as none is near enough. */
struct nearest {
    const char *word, *best;
    unsigned distance;
};
void nearest_try(struct nearest *nearest, const char *candidate);

#endif
