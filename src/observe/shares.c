/* What two tasks share, as kcmp(2) has it. */
#include "shares.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

int shares(int tid, int other_tid, enum shares_what what)
{
    static const int types[] = {[SHARES_MEMORY] = KCMP_VM,
                                [SHARES_FILES] = KCMP_FILES,
                                [SHARES_FS] = KCMP_FS,
                                [SHARES_SIGHAND] = KCMP_SIGHAND};
    long order = syscall(SYS_kcmp, tid, other_tid, types[what], 0UL, 0UL);
    return order < 0 ? -1 : order == 0;
}
