/* A line of text that is typed: characters in UTF-8 go to its end, and are taken from there. */
#ifndef SCHEDVIZ_FIELD_H
#define SCHEDVIZ_FIELD_H

#include <stddef.h>
#include <uchar.h>

/* text has room for size bytes. Ctrl-U takes all of it away; other control characters, and what does not fit,
 * are left out. */
void field_type(char *text, size_t size, char32_t ch);
void field_untype(char *text); /* the last character goes */

#endif
