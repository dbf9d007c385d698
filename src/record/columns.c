/* What is written of events, as columns of bytes: like stands by like, for a packer that knows nothing of
 * events. */
#include "told.h"

const uint8_t told_codes[N_CODES][2] = {
    {EVENT_SWITCH_OUT, OUT_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_BLOCKED},
    {EVENT_SWITCH_IN, IN_SWITCHED},
    {EVENT_SWITCH_IN, IN_STAYED},
    {EVENT_SWITCH_IN, IN_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_BLOCKED},
    {EVENT_SWITCH_IN, IN_SWITCHED},
    {EVENT_SWITCH_IN, IN_STAYED},
    {EVENT_SWITCH_IN, IN_PREEMPTED},
    {EVENT_WAKE, 0},
    {EVENT_NEW, 0},
    {EVENT_EXIT, 0},
    {EVENT_NAME, 0},
    {EVENT_SAMPLE, SAMPLE_STATE},
    {EVENT_SAMPLE, SAMPLE_RUN},
    {EVENT_SAMPLE, SAMPLE_SWITCHES},
    {EVENT_NOTE, NOTE_WORK},
    {EVENT_NOTE, NOTE_WANTS},
    {EVENT_NOTE, NOTE_SLEEPS},
    {EVENT_NOTE, NOTE_BLOCKS},
    {EVENT_NOTE, NOTE_GOT},
    {EVENT_NOTE, NOTE_GAVE},
    {EVENT_NOTE, NOTE_VALUE},
    {EVENT_MARK, 0},
    {EVENT_LOST, 0},
    {EVENT_OBJECT, OBJECT_MUTEX},
    {EVENT_OBJECT, OBJECT_COUNTER},
};

/* The most that one event adds to a column. */
enum { MAX_TIME_HI = VARINT_MAX_BYTES, MAX_CPU = 3, MAX_TID = 11, MAX_PAYLOAD = 24 };

void columns_reserve(struct columns *columns, size_t n)
{
    buffer_reserve(&columns->op, n);
    buffer_reserve(&columns->time, n);
    buffer_reserve(&columns->time_hi, n * MAX_TIME_HI + VARINT_ROOM);
    buffer_reserve(&columns->cpu, n * MAX_CPU + VARINT_ROOM);
    buffer_reserve(&columns->tid, n * MAX_TID + VARINT_ROOM);
    buffer_reserve(&columns->payload, n * MAX_PAYLOAD + VARINT_ROOM);
}

static unsigned n_differing(uint8_t mask)
{
    static const uint8_t ones[1 << TOLD_NUMBERS] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    return ones[mask % (1 << TOLD_NUMBERS)];
}

static void put_task(struct buffer *column, const struct told *told)
{
    put_varint(column, told->task);
    if (told->task == 0)
        put_varint(column, told->new_tid);
}

static void put_payload(struct buffer *column, const struct told *told)
{
    if (layout_of(told->kind, told->detail) == LAYOUT_TEXT) {
        put_byte(column, told->n_text);
        memcpy(column->bytes + column->n, told->payload.text, TOLD_TEXT);
        column->n += told->n_text;
        return;
    }
    put_byte(column, told->mask);
    const unsigned n = n_differing(told->mask);
    for (unsigned i = 0; i < n; i++)
        put_varint(column, told->payload.numbers[i]);
}

void columns_put(struct columns *columns, const struct told *told)
{
    put_byte(&columns->op, told->op);
    put_byte(&columns->time, (uint8_t)told->time);
    put_varint(&columns->time_hi, told->time >> 8);
    if (told_code(told) == CODE_ESCAPE) {
        put_byte(&columns->payload, told->kind);
        put_byte(&columns->payload, told->detail);
    }
    if (told->op & OP_CPU)
        put_varint(&columns->cpu, told->cpu);
    if (told->op & OP_TID)
        put_task(&columns->tid, told);
    if (told->op & OP_PAYLOAD)
        put_payload(&columns->payload, told);
}

void columns_clear(struct columns *columns)
{
    columns->op.n = columns->time.n = columns->time_hi.n = 0;
    columns->cpu.n = columns->tid.n = columns->payload.n = 0;
}

void columns_fini(struct columns *columns)
{
    buffer_fini(&columns->op);
    buffer_fini(&columns->time);
    buffer_fini(&columns->time_hi);
    buffer_fini(&columns->cpu);
    buffer_fini(&columns->tid);
    buffer_fini(&columns->payload);
}

void columns_join(const struct columns *columns, struct buffer *to)
{
    const struct buffer *parts[] = {&columns->time_hi, &columns->cpu, &columns->tid, &columns->payload};
    const unsigned n_parts = sizeof parts / sizeof *parts;
    to->n = 0;
    for (unsigned i = 0; i < n_parts; i++)
        buffer_varint(to, parts[i]->n);
    buffer_bytes(to, columns->op.bytes, columns->op.n);
    for (unsigned i = 0; i < n_parts; i++)
        buffer_bytes(to, parts[i]->bytes, parts[i]->n);
}

/* ---- reading ---- */

bool columns_open(struct columns_reader *r, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  size_t n)
{
    struct cursor from = cursor_of(joined, n_joined);
    struct cursor *const cursors[] = {&r->time_hi, &r->cpu, &r->tid, &r->payload};
    const unsigned n_cursors = sizeof cursors / sizeof *cursors;
    uint64_t n_bytes[sizeof cursors / sizeof *cursors];
    for (unsigned i = 0; i < n_cursors; i++)
        n_bytes[i] = get_varint(&from);
    const uint8_t *ops = get_bytes(&from, n);
    if (!ops)
        return false;
    r->op = cursor_of(ops, n);
    r->time = cursor_of(times, n);
    for (unsigned i = 0; i < n_cursors; i++) {
        const uint8_t *part = n_bytes[i] <= cursor_left(&from) ? get_bytes(&from, (size_t)n_bytes[i]) : NULL;
        if (!part)
            return false;
        *cursors[i] = cursor_of(part, (size_t)n_bytes[i]);
    }
    return cursor_left(&from) == 0;
}

static void get_payload(struct cursor *column, struct told *told)
{
    if (layout_of(told->kind, told->detail) == LAYOUT_TEXT) {
        told->n_text = get_byte(column);
        const uint8_t *text = told->n_text <= TOLD_TEXT ? get_bytes(column, told->n_text) : NULL;
        memset(told->payload.text, 0, TOLD_TEXT);
        if (text)
            memcpy(told->payload.text, text, told->n_text);
        column->bad |= !text;
        return;
    }
    told->mask = (uint8_t)(get_byte(column) & ((1u << n_numbers(layout_of(told->kind, told->detail))) - 1));
    const unsigned n = n_differing(told->mask);
    for (unsigned i = 0; i < n; i++)
        told->payload.numbers[i] = get_varint(column);
}

void columns_get(struct columns_reader *r, struct told *told)
{
    told->op = get_byte(&r->op);
    const unsigned code = told_code(told);
    if (code < N_CODES) {
        told->kind = told_codes[code][0];
        told->detail = told_codes[code][1];
    } else {
        r->op.bad |= code != CODE_ESCAPE;
        told->kind = get_byte(&r->payload);
        told->detail = get_byte(&r->payload);
    }
    told->time = get_varint(&r->time_hi) << 8 | get_byte(&r->time);
    if (told->op & OP_CPU)
        told->cpu = (uint16_t)get_varint(&r->cpu);
    if (told->op & OP_TID) {
        told->task = get_varint32(&r->tid);
        told->new_tid = told->task ? 0 : get_varint32(&r->tid);
    }
    if (told->op & OP_PAYLOAD)
        get_payload(&r->payload, told);
}

bool columns_at_end(const struct columns_reader *r)
{
    const struct cursor *const cursors[] = {&r->op, &r->time, &r->time_hi, &r->cpu, &r->tid, &r->payload};
    for (unsigned i = 0; i < sizeof cursors / sizeof *cursors; i++)
        if (cursors[i]->bad || cursor_left(cursors[i]) > 0)
            return false;
    return true;
}
