/* A new file to record into: never a name that leads elsewhere, never over what is not ours. */
#ifndef SCHEDVIZ_RECORD_FILE_H
#define SCHEDVIZ_RECORD_FILE_H

#include "../err.h"

#include <stddef.h>

/* Makes it, mode 0600, with the first bytes in it. What is there is refused without force; with force a
 * regular file of this user is replaced when the new one is made. Returns the descriptor, to be written to,
 * or -1 and a line. */
int file_create(const char *path, bool force, const void *first, size_t n, struct err *err);

/* All of the bytes at the descriptor's place; false and errno. */
bool file_write(int fd, const void *bytes, size_t n);

#endif
