/* Events as columns of bytes and back, bit for bit: what the codec expects of an event costs a bit or two. */
#ifndef SCHEDVIZ_RECORD_CODEC_H
#define SCHEDVIZ_RECORD_CODEC_H

#include "../event.h"
#include "bytes.h"

/* What is written of an event beside its operation; schedviz-recording(5). */
struct columns {
    struct buffer op;      /* one byte each */
    struct buffer time;    /* one byte each: the lowest of its time's difference */
    struct buffer time_hi; /* the rest of it */
    struct buffer cpu, tid, payload;
};

struct codec;

struct codec *codec_new(void);
void codec_free(struct codec *codec);

/* Forgets all that it learned; times are from first_ns on. */
void codec_begin(struct codec *codec, uint64_t first_ns);

void codec_encode(struct codec *codec, struct columns *columns, const struct event *events, size_t n);

void columns_clear(struct columns *columns);
void columns_fini(struct columns *columns);

/* The columns behind one another but for `time', with their lengths: what is to be packed. */
void columns_join(const struct columns *columns, struct buffer *to);

/* The way back, for a codec that has begun anew: times has n bytes. False when the bytes are not those of n
 * events. */
bool codec_decode(struct codec *codec, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  struct event *events, size_t n);

#endif
