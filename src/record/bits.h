/* Numbers as bits: each bit takes as much room as it was unlikely, by what came before (an adaptive binary
 * arithmetic coder). For few events, where a table of codes would take more than they do. */
#ifndef SCHEDVIZ_RECORD_BITS_H
#define SCHEDVIZ_RECORD_BITS_H

#include "bytes.h"

/* How likely a bit is 1: (32768 + bias) / 65536. All zero: nothing is known yet. */
struct bit_model {
    int16_t bias;
    uint16_t n_seen;
};

#define NUMBER_TOP_BITS 2 /* below the highest one: these are modelled, and the rest counts as noise */

/* How long a number is, and how it begins. All zero: nothing is known yet. */
struct number_model {
    struct bit_model length[128];
    struct bit_model top[65][1 << NUMBER_TOP_BITS];
};

struct byte_model {
    struct bit_model bit[256];
};

struct bits_writer {
    struct buffer *to;
    uint32_t low, range;
};

struct bits_reader {
    struct cursor from;
    uint32_t code, range;
};

/* Appends to `to' until bits_end(). */
struct bits_writer bits_begin(struct buffer *to);
void bits_put_byte(struct bits_writer *w, struct byte_model *model, uint8_t byte);
void bits_put_number(struct bits_writer *w, struct number_model *model, uint64_t v);
void bits_end(struct bits_writer *w);

/* The same calls with the same models give the same back. Past the end there is anything, and bad is set. */
struct bits_reader bits_open(const uint8_t *bytes, size_t n);
uint8_t bits_get_byte(struct bits_reader *r, struct byte_model *model);
uint64_t bits_get_number(struct bits_reader *r, struct number_model *model);

/* Whether exactly what there was has been read. */
bool bits_at_end(const struct bits_reader *r);

#endif
