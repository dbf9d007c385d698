/* What is written of an event: only that which the codec did not expect. schedviz-recording(5). */
#ifndef SCHEDVIZ_RECORD_TOLD_H
#define SCHEDVIZ_RECORD_TOLD_H

#include "../event.h"
#include "bits.h"

/* An operation: which kind and detail, and what was not as expected. */
enum {
    OP_CPU = 1, /* its CPU follows */
    OP_TID = 2, /* its task follows */
    OP_PAYLOAD = 4,
    OP_CODE_SHIFT = 3,
    CODE_ESCAPE = 31, /* kind and detail follow */
    N_OP_CODES = 32,
};

#define N_SWITCH_CODES 5 /* the first ones; as many with an expected time follow */
#define CODE_WAKE      10
#define N_CODES        28

/* Kind and detail of each code below CODE_ESCAPE; the file depends on their order. */
extern const uint8_t told_codes[N_CODES][2];

/* How the 16 bytes of the payload are seen: as numbers, or as a text. */
enum layout {
    LAYOUT_HALVES, /* four of 32 bits */
    LAYOUT_WIDE,   /* two of 64 */
    LAYOUT_SYNC,   /* two of 32 and one of 64 */
    LAYOUT_TEXT,
};

#define TOLD_NUMBERS 4 /* of a payload, at most */
#define TOLD_TEXT    16

struct told {
    uint8_t op, kind, detail;
    uint8_t n_text;         /* LAYOUT_TEXT: bytes of it, without the zeros at its end */
    uint8_t mask;           /* others: which numbers follow, the lowest bit is the first */
    uint16_t cpu;           /* and 1 */
    uint32_t task, new_tid; /* its number in the block and 1, or 0 and the new tid's difference */
    uint64_t time;
    union {
        uint64_t numbers[TOLD_NUMBERS]; /* those that follow, and nothing between them */
        uint8_t text[TOLD_TEXT];
    } payload;
};

static inline unsigned told_code(const struct told *told)
{
    return told->op >> OP_CODE_SHIFT;
}

static inline enum layout layout_of(uint8_t kind, uint8_t detail)
{
    switch (kind) {
    case EVENT_NAME:
    case EVENT_MARK:
    case EVENT_OBJECT:
        return LAYOUT_TEXT;
    case EVENT_SAMPLE:
    case EVENT_LOST:
        return LAYOUT_WIDE;
    case EVENT_NOTE:
        return detail >= NOTE_WANTS && detail <= NOTE_VALUE ? LAYOUT_SYNC : LAYOUT_WIDE;
    default:
        return LAYOUT_HALVES;
    }
}

/* How many numbers a layout has; those of 32 bits come first. */
static inline unsigned n_numbers(enum layout layout)
{
    static const uint8_t n[] = {[LAYOUT_HALVES] = 4, [LAYOUT_WIDE] = 2, [LAYOUT_SYNC] = 3, [LAYOUT_TEXT] = 0};
    return n[layout];
}

/* ---- as columns of bytes: quick, and to be packed ---- */

struct columns {
    struct buffer op;      /* one byte each */
    struct buffer time;    /* one byte each: the lowest of its time */
    struct buffer time_hi; /* the rest of it */
    struct buffer cpu, tid, payload;
};

/* Room for n more, which columns_put() needs. */
void columns_reserve(struct columns *columns, size_t n);
void columns_put(struct columns *columns, const struct told *told);

void columns_clear(struct columns *columns);
void columns_fini(struct columns *columns);

/* The columns behind one another but for `time', with their lengths: what is to be packed. */
void columns_join(const struct columns *columns, struct buffer *to);

struct columns_reader {
    struct cursor op, time, time_hi, cpu, tid, payload;
};

/* times has n bytes. False when the bytes are not columns of n events. */
bool columns_open(struct columns_reader *r, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  size_t n);
void columns_get(struct columns_reader *r, struct told *told);
bool columns_at_end(const struct columns_reader *r); /* and nothing was bad */

/* ---- as bits: small, where there are few ---- */

struct told_models; /* what was learnt of each kind of number */

struct told_models *told_models_new(void);

struct told_writer {
    struct told_models *models;
    struct bits_writer bits;
    unsigned before; /* the last operation's code */
};

struct told_reader {
    struct told_models *models;
    struct bits_reader bits;
    unsigned before;
};

/* models learn on and on, and belong to the caller: free(). A reader's must be as the writer's were. */
void told_forget(struct told_models *models);

struct told_writer told_begin(struct told_models *models, struct buffer *to);
void told_put(struct told_writer *w, const struct told *told);
void told_end(struct told_writer *w);

struct told_reader told_open(struct told_models *models, const uint8_t *bytes, size_t n);
void told_get(struct told_reader *r, struct told *told);
bool told_at_end(const struct told_reader *r); /* and nothing was bad */

#endif
