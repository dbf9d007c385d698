/* How large what is recorded may be: held by the writer, and asked of every file by the reader. */
#ifndef SCHEDVIZ_RECORD_LIMITS_H
#define SCHEDVIZ_RECORD_LIMITS_H

#define RECORD_MAX_EVENTS 65536 /* of a block */
#define RECORD_MAX_EXTRA  65536 /* events that complete the state of all tasks */
#define RECORD_MAX_CHAIN  65536 /* of a block and all those that it goes on from, */
#define RECORD_MAX_LINKS  256   /* which are at most so many */

#define RECORD_NAME_SIZE 32         /* of facts, with the NUL */
#define RECORD_TEXT_MAX  (1u << 20) /* bytes */
#define RECORD_TEXTS_MAX (16u << 20)

#endif
