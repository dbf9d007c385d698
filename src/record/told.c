/* What is written of events, as bits: each number by what the ones of its kind were. */
#include "told.h"

struct told_models {
    struct byte_model op[N_OP_CODES]; /* by the code of the operation before it */
    struct byte_model kind, text;
    struct number_model time[N_OP_CODES], cpu, task, new_tid;
    struct byte_model mask[N_OP_CODES];
    struct number_model number[N_OP_CODES][TOLD_NUMBERS];
};

struct told_models *told_models_new(void)
{
    return mem_new(1, sizeof(struct told_models));
}

void told_forget(struct told_models *models)
{
    memset(models, 0, sizeof *models);
}

/* ---- writing ---- */

struct told_writer told_begin(struct told_models *models, struct buffer *to)
{
    return (struct told_writer){.models = models, .bits = bits_begin(to)};
}

static void put_payload(struct told_writer *w, const struct told *told)
{
    struct told_models *m = w->models;
    const unsigned code = told_code(told);
    if (layout_of(told->kind, told->detail) == LAYOUT_TEXT) {
        bits_put_byte(&w->bits, &m->mask[code], told->n_text);
        for (unsigned i = 0; i < told->n_text; i++)
            bits_put_byte(&w->bits, &m->text, told->payload.text[i]);
        return;
    }
    bits_put_byte(&w->bits, &m->mask[code], told->mask);
    unsigned n = 0;
    for (unsigned i = 0; i < TOLD_NUMBERS; i++)
        if (told->mask & 1u << i)
            bits_put_number(&w->bits, &m->number[code][i], told->payload.numbers[n++]);
}

void told_put(struct told_writer *w, const struct told *told)
{
    struct told_models *m = w->models;
    const unsigned code = told_code(told);
    bits_put_byte(&w->bits, &m->op[w->before], told->op);
    w->before = code;
    if (code == CODE_ESCAPE) {
        bits_put_byte(&w->bits, &m->kind, told->kind);
        bits_put_byte(&w->bits, &m->kind, told->detail);
    }
    bits_put_number(&w->bits, &m->time[code], told->time);
    if (told->op & OP_CPU)
        bits_put_number(&w->bits, &m->cpu, told->cpu);
    if (told->op & OP_TID)
        bits_put_number(&w->bits, &m->task, told->task);
    if (told->op & OP_TID && told->task == 0)
        bits_put_number(&w->bits, &m->new_tid, told->new_tid);
    if (told->op & OP_PAYLOAD)
        put_payload(w, told);
}

void told_end(struct told_writer *w)
{
    bits_end(&w->bits);
}

/* ---- reading ---- */

struct told_reader told_open(struct told_models *models, const uint8_t *bytes, size_t n)
{
    return (struct told_reader){.models = models, .bits = bits_open(bytes, n)};
}

static uint32_t get_number32(struct told_reader *r, struct number_model *model)
{
    const uint64_t v = bits_get_number(&r->bits, model);
    r->bits.from.bad |= v > UINT32_MAX;
    return (uint32_t)v;
}

static void get_payload(struct told_reader *r, struct told *told)
{
    struct told_models *m = r->models;
    const unsigned code = told_code(told);
    const enum layout layout = layout_of(told->kind, told->detail);
    const uint8_t mask = bits_get_byte(&r->bits, &m->mask[code]);
    if (layout == LAYOUT_TEXT) {
        told->n_text = mask;
        memset(told->payload.text, 0, TOLD_TEXT);
        r->bits.from.bad |= mask > TOLD_TEXT;
        for (unsigned i = 0; i < mask && i < TOLD_TEXT; i++)
            told->payload.text[i] = bits_get_byte(&r->bits, &m->text);
        return;
    }
    told->mask = (uint8_t)(mask & ((1u << n_numbers(layout)) - 1));
    unsigned n = 0;
    for (unsigned i = 0; i < TOLD_NUMBERS; i++)
        if (told->mask & 1u << i)
            told->payload.numbers[n++] = bits_get_number(&r->bits, &m->number[code][i]);
}

void told_get(struct told_reader *r, struct told *told)
{
    struct told_models *m = r->models;
    told->op = bits_get_byte(&r->bits, &m->op[r->before]);
    const unsigned code = r->before = told_code(told);
    if (code < N_CODES) {
        told->kind = told_codes[code][0];
        told->detail = told_codes[code][1];
    } else {
        r->bits.from.bad |= code != CODE_ESCAPE;
        told->kind = bits_get_byte(&r->bits, &m->kind);
        told->detail = bits_get_byte(&r->bits, &m->kind);
    }
    told->time = bits_get_number(&r->bits, &m->time[code]);
    if (told->op & OP_CPU)
        told->cpu = (uint16_t)bits_get_number(&r->bits, &m->cpu);
    if (told->op & OP_TID) {
        told->task = get_number32(r, &m->task);
        told->new_tid = told->task ? 0 : get_number32(r, &m->new_tid);
    }
    if (told->op & OP_PAYLOAD)
        get_payload(r, told);
}

bool told_at_end(const struct told_reader *r)
{
    return bits_at_end(&r->bits);
}
