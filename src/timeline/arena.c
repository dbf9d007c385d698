/* Blocks of memory, given out from their beginning on: small ones for few tasks, then those of a huge page's
 * size. */
#include "arena.h"

#include "../err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_BYTES        ((size_t)64)
#define SMALL_BLOCK_BYTES ((size_t)64 << 10)
#define LARGE_BLOCK_BYTES ((size_t)2 << 20)
#define N_SMALL           8u

static void add_block(struct arena *arena)
{
    const size_t bytes = arena->n_blocks < N_SMALL ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES;
    arena->at = aligned_alloc(bytes, bytes);
    if (!arena->at)
        err_no_memory();
    if (bytes == LARGE_BLOCK_BYTES)
        madvise(arena->at, bytes, MADV_HUGEPAGE); /* advice: refused it costs time alone */
    arena->left = bytes;
    arena->blocks = mem_resize(arena->blocks, arena->n_blocks + 1, sizeof *arena->blocks);
    arena->blocks[arena->n_blocks++] = arena->at;
}

void *arena_take(struct arena *arena, size_t bytes)
{
    bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    assert(bytes <= SMALL_BLOCK_BYTES);
    if (arena->left < bytes)
        add_block(arena);
    void *taken = arena->at;
    arena->at += bytes;
    arena->left -= bytes;
    return memset(taken, 0, bytes);
}

void arena_fini(struct arena *arena)
{
    for (size_t i = 0; i < arena->n_blocks; i++)
        free(arena->blocks[i]);
    free(arena->blocks);
}
