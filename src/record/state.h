/* What a block tells beside its events, as bytes: the state of all tasks when it begins, and its sums. */
#ifndef SCHEDVIZ_RECORD_STATE_H
#define SCHEDVIZ_RECORD_STATE_H

#include "bytes.h"
#include "reader.h"

#define STATE_MAX_TASKS 1000000 /* of a preamble; the kernel's limit is 4,194,304 at one time */
#define STATE_MAX_CPUS  65536
#define STATE_MAX_BITS  4096 /* tasks, and CPUs, of sums that are bits */

/* Behind what `to' holds: the tasks and now_ns of a preamble, not its extra events. */
void state_put_tasks(struct buffer *to, uint64_t now_ns, const struct task *tasks, unsigned n_tasks);

/* False when the bytes are no such thing; nothing is to be freed then. tasks is the caller's to free. */
bool state_get_tasks(struct cursor *from, uint64_t *now_ns, struct task **tasks, unsigned *n_tasks);

/* Behind what `to' holds; span_ns: of the block. As bits (bits.h) they take half the room, and must not be
 * too many. */
bool state_sums_fit_bits(const struct sums_of_block *sums);
void state_put_sums(struct buffer *to, uint64_t span_ns, const struct sums_of_block *sums, bool bits);

/* False when the bytes are no such thing; sums_fini() is due only after true. */
bool state_get_sums(const uint8_t *bytes, size_t n, uint64_t span_ns, bool bits, struct sums_of_block *sums);

#endif
