/* Numbers as bits: each bit takes as much room as it was unlikely, by what came before (an adaptive binary
 * arithmetic coder).
 *
 * The text so far is a number in [low, low + range) of a unit interval that is narrowed bit by bit; bytes
 * that are settled go out, and a carry runs back through them. schedviz-recording(5) has it step by step. */
#include "bits.h"

#define LOWEST_RANGE (1u << 24) /* below it a byte is settled */
#define CODE_BYTES   4
#define SLOWEST      30 /* a model goes on to learn as after so many */
#define LENGTH_BITS  7
#define NOISE_BITS   8 /* at once */

/* ---- models ---- */

static inline uint32_t likely(const struct bit_model *m)
{
    return (uint32_t)(32768 + m->bias);
}

/* The first bits of a kind tell the most. bias stays within 32767 of zero, so that no bit is impossible. */
static inline void learn(struct bit_model *m, bool bit)
{
    const int32_t goal = bit ? 32767 : -32767;
    m->bias = (int16_t)(m->bias + (goal - m->bias) * 2 / (2 * m->n_seen + 3));
    if (m->n_seen < SLOWEST)
        m->n_seen++;
}

static unsigned length_of(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* ---- writing ---- */

struct bits_writer bits_begin(struct buffer *to)
{
    return (struct bits_writer){.to = to, .range = UINT32_MAX};
}

static void carry(struct buffer *to)
{
    size_t i = to->n;
    while (++to->bytes[--i] == 0)
        ;
}

static inline void add_low(struct bits_writer *w, uint32_t more)
{
    w->low += more;
    if (w->low < more)
        carry(w->to);
}

static inline void settle(struct bits_writer *w)
{
    while (w->range < LOWEST_RANGE) {
        buffer_byte(w->to, (uint8_t)(w->low >> 24));
        w->low <<= 8;
        w->range <<= 8;
    }
}

static inline void put_bit(struct bits_writer *w, struct bit_model *m, bool bit)
{
    const uint32_t bound = (w->range >> 16) * likely(m);
    if (bit) {
        w->range = bound;
    } else {
        add_low(w, bound);
        w->range -= bound;
    }
    settle(w);
    learn(m, bit);
}

/* Bits of v from the highest one on, each by what those before it were. */
static inline void put_tree(struct bits_writer *w, struct bit_model *models, unsigned v, unsigned n_bits)
{
    unsigned node = 1;
    while (n_bits-- > 0) {
        const bool bit = v >> n_bits & 1;
        put_bit(w, &models[node], bit);
        node = 2 * node + bit;
    }
}

static void put_noise(struct bits_writer *w, uint64_t v, unsigned n_bits)
{
    while (n_bits > 0) {
        const unsigned now = n_bits < NOISE_BITS ? n_bits : NOISE_BITS;
        n_bits -= now;
        w->range >>= now;
        add_low(w, (uint32_t)(v >> n_bits & ((1u << now) - 1)) * w->range);
        settle(w);
    }
}

void bits_put_byte(struct bits_writer *w, struct byte_model *model, uint8_t byte)
{
    put_tree(w, model->bit, byte, 8);
}

void bits_put_number(struct bits_writer *w, struct number_model *model, uint64_t v)
{
    const unsigned length = length_of(v);
    put_tree(w, model->length, length, LENGTH_BITS);
    if (length < 2)
        return;
    const unsigned below = length - 1, top = below < NUMBER_TOP_BITS ? below : NUMBER_TOP_BITS;
    put_tree(w, model->top[length], (unsigned)(v >> (below - top) & ((1u << top) - 1)), top);
    put_noise(w, v, below - top);
}

void bits_end(struct bits_writer *w)
{
    for (unsigned i = 0; i < CODE_BYTES; i++) {
        buffer_byte(w->to, (uint8_t)(w->low >> 24));
        w->low <<= 8;
    }
}

/* ---- reading ---- */

struct bits_reader bits_open(const uint8_t *bytes, size_t n)
{
    struct bits_reader r = {.from = cursor_of(bytes, n), .range = UINT32_MAX};
    for (unsigned i = 0; i < CODE_BYTES; i++)
        r.code = r.code << 8 | get_byte(&r.from);
    return r;
}

static inline void refill(struct bits_reader *r)
{
    while (r->range < LOWEST_RANGE) {
        r->code = r->code << 8 | get_byte(&r->from);
        r->range <<= 8;
    }
}

/* code is what was written less what the writer's low was. */
static inline bool get_bit(struct bits_reader *r, struct bit_model *m)
{
    const uint32_t bound = (r->range >> 16) * likely(m);
    const bool bit = r->code < bound;
    if (bit) {
        r->range = bound;
    } else {
        r->code -= bound;
        r->range -= bound;
    }
    refill(r);
    learn(m, bit);
    return bit;
}

static inline unsigned get_tree(struct bits_reader *r, struct bit_model *models, unsigned n_bits)
{
    unsigned node = 1;
    for (unsigned i = 0; i < n_bits; i++)
        node = 2 * node + get_bit(r, &models[node]);
    return node - (1u << n_bits);
}

static uint64_t get_noise(struct bits_reader *r, uint64_t v, unsigned n_bits)
{
    while (n_bits > 0) {
        const unsigned now = n_bits < NOISE_BITS ? n_bits : NOISE_BITS;
        n_bits -= now;
        r->range >>= now;
        uint32_t bits = r->code / r->range;
        if (bits >> now) { /* of damaged bytes */
            r->from.bad = true;
            bits = 0;
        }
        r->code -= bits * r->range;
        v = v << now | bits;
        refill(r);
    }
    return v;
}

uint8_t bits_get_byte(struct bits_reader *r, struct byte_model *model)
{
    return (uint8_t)get_tree(r, model->bit, 8);
}

uint64_t bits_get_number(struct bits_reader *r, struct number_model *model)
{
    const unsigned length = get_tree(r, model->length, LENGTH_BITS);
    if (length < 2)
        return length;
    if (length > 64) {
        r->from.bad = true;
        return 0;
    }
    const unsigned below = length - 1, top = below < NUMBER_TOP_BITS ? below : NUMBER_TOP_BITS;
    const uint64_t begin = 1u << top | get_tree(r, model->top[length], top);
    return get_noise(r, begin, below - top);
}

bool bits_at_end(const struct bits_reader *r)
{
    return !r->from.bad && cursor_left(&r->from) == 0;
}
