/* A line of text that is typed. */
#include "field.h"

#include "canvas.h"

#include <string.h>

#define CTRL_U 0x15

void field_type(char *text, size_t size, char32_t ch)
{
    char bytes[CANVAS_CHAR_BYTES];
    const size_t used = strlen(text), n = canvas_utf8(ch, bytes);
    if (ch == CTRL_U)
        *text = '\0';
    if (ch < ' ' || ch == 0x7f || used + n >= size)
        return;
    memcpy(text + used, bytes, n);
    text[used + n] = '\0';
}

void field_untype(char *text)
{
    size_t used = strlen(text);
    do
        used -= used > 0;
    while (used > 0 && ((unsigned char)text[used] & 0xc0) == 0x80); /* the rest of a character */
    text[used] = '\0';
}
