/* What a futex wait is: /proc/TID/syscall, /proc/PID/maps, and the words of glibc's locks. Pure; text need
 * not end in a NUL. */
#include "futex.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

/* i386's and arm's futex(2); where they are compat, they stand beside the native one. */
#define COMPAT_FUTEX        240
#define COMPAT_FUTEX_TIME64 422

/* pthread_mutex_t of glibc's sysdeps/nptl/bits/struct_mutex.h: lock, count, owner, and then nusers and kind
 * on 64-bit machines, kind and nusers on others. */
enum { WORD_LOCK, WORD_COUNT, WORD_OWNER, WORD_NUSERS, WORD_KIND };

/* Of a mutex's kind (sysdeps/nptl/pthreadP.h, nptl/pthread_mutex_conf.h): a type in the lowest two bits, and
 * flags up to PTHREAD_MUTEX_NO_ELISION_NP. */
#define KIND_ROBUST 0x10u
#define KIND_PI     0x20u
#define KIND_ALL    0x3ffu

#define LOCKED_WITH_WAITERS 2u /* the lock word of a plain mutex (sysdeps/nptl/lowlevellock.h) */

static bool take_number(const char **text, const char *end, unsigned base, uint64_t *value)
{
    const char *s = *text;
    uint64_t v = 0;
    for (; s < end; s++) {
        unsigned digit = 16;
        if (*s >= '0' && *s <= '9')
            digit = (unsigned)(*s - '0');
        else if (*s >= 'a' && *s <= 'f')
            digit = (unsigned)(*s - 'a') + 10;
        if (digit >= base)
            break;
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)digit, &v))
            return false;
    }
    bool found = s > *text;
    *text = s;
    *value = v;
    return found;
}

static bool take(const char **text, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - *text) < n || memcmp(*text, word, n) != 0)
        return false;
    *text += n;
    return true;
}

static bool is_futex(uint64_t number, bool is_compat)
{
    if (is_compat)
        return number == COMPAT_FUTEX || number == COMPAT_FUTEX_TIME64;
#ifdef SYS_futex_time64
    if (number == SYS_futex_time64)
        return true;
#endif
    return number == SYS_futex;
}

static bool waits(uint32_t operation)
{
    return operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET || operation == FUTEX_LOCK_PI ||
           operation == FUTEX_LOCK_PI2 || operation == FUTEX_WAIT_REQUEUE_PI;
}

/* proc_pid_syscall() of fs/proc/base.c: "running", or the number, six arguments, stack pointer and program
 * counter; or -1 and the last two, when it is blocked outside of a system call. */
bool futex_parse_syscall(const char *text, size_t n, struct futex_call *call)
{
    const char *end = text + n;
    uint64_t number, values[8];
    *call = (struct futex_call){.state = FUTEX_RUNNING};
    if (take(&text, end, "running"))
        return true;
    call->state = FUTEX_ELSEWHERE;
    if (take(&text, end, "-1 "))
        return true;
    if (!take_number(&text, end, 10, &number))
        return false;
    for (int i = 0; i < 8; i++)
        if (!take(&text, end, " 0x") || !take_number(&text, end, 16, &values[i]))
            return false;
    /* A 64-bit program has its stacks high. */
    call->is_compat = sizeof(void *) > 4 && values[6] <= UINT32_MAX;
    uint32_t operation = (uint32_t)values[1] & (uint32_t)FUTEX_CMD_MASK;
    if (!is_futex(number, call->is_compat) || !waits(operation))
        return true;
    call->state = FUTEX_WAITING;
    call->address = values[0];
    call->operation = operation;
    call->value = (uint32_t)values[2];
    call->is_private = values[1] & FUTEX_PRIVATE_FLAG;
    call->is_limited = values[3] != 0;
    return true;
}

bool futex_parse_mapping(const char **text, const char *end, struct futex_mapping *mapping)
{
    const char *s = *text, *line_end = memchr(s, '\n', (size_t)(end - s));
    uint64_t major, minor;
    if (!line_end)
        line_end = end;
    *mapping = (struct futex_mapping){0};
    if (!take_number(&s, line_end, 16, &mapping->begin) || !take(&s, line_end, "-") ||
        !take_number(&s, line_end, 16, &mapping->end) || !take(&s, line_end, " ") || line_end - s < 5)
        return false;
    mapping->is_shared = s[3] == 's';
    s += 4;
    if (!take(&s, line_end, " ") || !take_number(&s, line_end, 16, &mapping->offset) ||
        !take(&s, line_end, " ") || !take_number(&s, line_end, 16, &major) || !take(&s, line_end, ":") ||
        !take_number(&s, line_end, 16, &minor) || !take(&s, line_end, " ") ||
        !take_number(&s, line_end, 10, &mapping->inode))
        return false;
    mapping->device = major << 32 | (minor & UINT32_MAX);
    *text = line_end < end ? line_end + 1 : end;
    return true;
}

static bool is_mutex(const struct futex_call *call, const uint32_t words[FUTEX_WORDS], uint32_t flags)
{
    uint32_t kind = words[WORD_KIND], n_users = words[WORD_NUSERS];
    if (call->is_compat || sizeof(void *) == 4) {
        kind = words[WORD_NUSERS];
        n_users = words[WORD_KIND];
    }
    return kind <= KIND_ALL && (kind & (KIND_ROBUST | KIND_PI)) == flags && n_users <= INT32_MAX;
}

/* The word of a lock with priority inheritance, and of a robust one, is the owner's tid (futex(2),
 * get_robust_list(2)); a plain one's word only counts, and the owner is beside it. */
enum futex_edge_kind futex_judge(const struct futex_call *call, const uint32_t words[FUTEX_WORDS],
                                 int *owner_tid)
{
    const uint32_t word = words[WORD_LOCK];
    *owner_tid = 0;
    switch (call->operation) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        *owner_tid = (int)(word & FUTEX_TID_MASK);
        return FUTEX_EDGE_MUTEX;
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        break;
    default:
        return FUTEX_EDGE_UNKNOWN;
    }
    if (word != call->value) /* it has changed: the task is about to wake */
        return FUTEX_EDGE_UNKNOWN;
    if (word & FUTEX_WAITERS && is_mutex(call, words, KIND_ROBUST)) {
        *owner_tid = (int)(word & FUTEX_TID_MASK);
        return FUTEX_EDGE_MUTEX;
    }
    if (word == LOCKED_WITH_WAITERS && is_mutex(call, words, 0)) {
        *owner_tid = (int)(words[WORD_OWNER] & FUTEX_TID_MASK);
        return FUTEX_EDGE_MUTEX;
    }
    if (!call->is_private && word <= FUTEX_TID_MASK) { /* which clear_child_tid (set_tid_address(2)) clears */
        *owner_tid = (int)word;
        return FUTEX_EDGE_JOIN;
    }
    return FUTEX_EDGE_UNKNOWN;
}
