/* Memory for what many tasks have one of each and keep until the end: side by side in large blocks. Scattered
 * over the heap, each of thousands costs the way to a page of its own when they are looked at in a row. */
#ifndef SCHEDVIZ_TIMELINE_ARENA_H
#define SCHEDVIZ_TIMELINE_ARENA_H

#include <stddef.h>

/* All zero at first. */
struct arena {
    char *at; /* the rest of the newest block */
    size_t left;
    void **blocks;
    size_t n_blocks;
};

/* So many bytes, zeroed, at the beginning of a cache line. They are the arena's. */
void *arena_take(struct arena *arena, size_t bytes);
void arena_fini(struct arena *arena);

#endif
