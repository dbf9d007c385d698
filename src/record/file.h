/* A new file to record into: never a name that leads elsewhere, never over what is not ours. */
#ifndef SCHEDVIZ_RECORD_FILE_H
#define SCHEDVIZ_RECORD_FILE_H

#include "../err.h"

#include <stddef.h>

/* Opens the directory that the last part of path lies in, with O_PATH; *leaf is that part, in path. On the
 * way there no link is followed that another user put into a directory where all may put some: each is judged
 * as the kernel does with fs.protected_symlinks=1 (proc_sys_fs(5)), whatever is set. Returns -1 and a line.
 */
int file_directory(const char *path, const char **leaf, struct err *err);

enum file_name { FILE_FREE, FILE_TAKEN, FILE_REFUSED };

/* What a new file of that name meets: nothing, or what force would replace; refused is with a line. */
enum file_name file_look(const char *path, struct err *err);

/* Makes it, mode 0600, with the first bytes in it. What is there is refused without force; with force a
 * regular file of this user is replaced when the new one is made. Returns the descriptor, to be written to,
 * or -1 and a line. */
int file_create(const char *path, bool force, const void *first, size_t n, struct err *err);

/* All of the bytes at the descriptor's place; false and errno. */
bool file_write(int fd, const void *bytes, size_t n);

#endif
