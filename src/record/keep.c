/* The last blocks of a run, encoded, in bounded memory. */
#include "keep.h"

static struct kept_block *at(const struct keep *k, unsigned i)
{
    return &k->blocks[(k->first + i) % k->capacity];
}

const struct kept_block *keep_block(const struct keep *k, unsigned i)
{
    return at(k, i);
}

static bool is_key(const struct kept_block *block)
{
    return block->entry.flags & BLOCK_KEY;
}

static size_t cost_of(const struct kept_block *block)
{
    return block->n_bytes + sizeof *block;
}

static void drop_first(struct keep *k)
{
    struct kept_block *block = at(k, 0);
    k->n_bytes -= cost_of(block);
    free(block->bytes);
    k->first = (k->first + 1) % k->capacity;
    k->n--;
}

static void grow(struct keep *k)
{
    struct keep larger = {.capacity = k->capacity ? 2 * k->capacity : 64};
    larger.blocks = mem_new(larger.capacity, sizeof *larger.blocks);
    for (unsigned i = 0; i < k->n; i++)
        larger.blocks[i] = *at(k, i);
    free(k->blocks);
    k->blocks = larger.blocks;
    k->capacity = larger.capacity;
    k->first = 0;
}

void keep_add(struct keep *k, const void *bytes, size_t n, const struct index_entry *entry)
{
    if (k->n == k->capacity)
        grow(k);
    struct kept_block *block = at(k, k->n);
    *block = (struct kept_block){.bytes = mem_new(n, 1), .n_bytes = n, .entry = *entry};
    memcpy(block->bytes, bytes, n);
    k->n++;
    k->n_bytes += cost_of(block);
    while (k->n > 0 && (k->n_bytes > k->max_bytes || !is_key(at(k, 0))))
        drop_first(k);
}

unsigned keep_find(const struct keep *k, uint64_t from_ns)
{
    if (k->n == 0 || at(k, k->n - 1)->entry.last_ns <= from_ns)
        return k->n;
    unsigned found = 0;
    for (unsigned i = 0; i < k->n && at(k, i)->entry.first_ns <= from_ns; i++)
        if (is_key(at(k, i)))
            found = i;
    return found;
}

void keep_fini(struct keep *k)
{
    while (k->n > 0)
        drop_first(k);
    free(k->blocks);
    *k = (struct keep){0};
}
