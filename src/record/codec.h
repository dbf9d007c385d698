/* Events as bytes and back, bit for bit: what the codec expects of an event costs a bit or two. */
#ifndef SCHEDVIZ_RECORD_CODEC_H
#define SCHEDVIZ_RECORD_CODEC_H

#include "told.h"

struct codec;

struct codec *codec_new(void);
void codec_free(struct codec *codec);

/* Forgets all that it learned; times are from first_ns on. */
void codec_begin(struct codec *codec, uint64_t first_ns);

/* ---- columns: 10 to 30 ns an event; to be packed ---- */

void codec_encode(struct codec *codec, struct columns *columns, const struct event *events, size_t n);

/* The way back, for a codec that has begun anew: times has n bytes, joined is what columns_join() made. False
 * when the bytes are not those of n events. */
bool codec_decode(struct codec *codec, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  struct event *events, size_t n);

/* ---- bits: some 300 ns an event; as small as they get, also where there are few ---- */

/* Appends all of them, for a codec that has begun anew or has coded nothing but bits since then: these go on
 * from what it learned of those. The way back goes the same way, from the same beginning. */
void codec_encode_bits(struct codec *codec, struct buffer *to, const struct event *events, size_t n);
bool codec_decode_bits(struct codec *codec, const uint8_t *bytes, size_t n_bytes, struct event *events,
                       size_t n);

#endif
