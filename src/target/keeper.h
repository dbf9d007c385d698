/* The process between schedviz and a command: parent of it, and of all its orphans. It tells how it ended,
 * and when schedviz is gone it ends what is left, or reads its output on. */
#ifndef SCHEDVIZ_TARGET_KEEPER_H
#define SCHEDVIZ_TARGET_KEEPER_H

#include "target.h"

#include <stdint.h>
#include <sys/resource.h>

/* From schedviz to the keeper. Nothing more, and an end of the connection: end all there is. */
enum keeper_order {
    KEEPER_GO = 'g',      /* the command passes its gate */
    KEEPER_LET_RUN = 'l', /* when the connection ends, all there is goes on */
    KEEPER_END = 'e',     /* end all there is: SIGTERM, after a moment SIGKILL */
};

/* From the keeper to schedviz, each one packet. */
struct keeper_word {
    enum { KEEPER_STARTED, KEEPER_NOT_EXECUTED, KEEPER_ENDED, KEEPER_ALL_ENDED } what;
    int pid;             /* STARTED: the command's */
    int number;          /* NOT_EXECUTED: errno; ENDED: status of wait(2) */
    struct rusage usage; /* ENDED: of the command and of its children that it waited for */
};

struct keeper_config {
    char *const *argv;
    const struct cpuset *cpus;
    const struct rlimit *files; /* RLIMIT_NOFILE as the command is to have it */
    int socket;                 /* the keeper's end, SOCK_SEQPACKET */
    int output, output_slave;   /* the pseudo-terminal's two ends; -1: the command has our streams */
};

/* In the forked process. */
_Noreturn void keeper_run(const struct keeper_config *config);

#endif
