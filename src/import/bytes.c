/* Bytes at offsets: of a file by pread(2), so that one that is cut while it is read ends and nothing worse.
 */
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool bytes_open(struct bytes *bytes, const char *path, struct err *err)
{
    struct stat st;
    *bytes = (struct bytes){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (bytes->fd < 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    if (fstat(bytes->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        bytes_close(bytes);
        return err_set(err, "%s is no regular file: save the trace in one, and open that", path);
    }
    bytes->size = (uint64_t)st.st_size;
    return true;
}

void bytes_open_memory(struct bytes *bytes, const void *memory, size_t size)
{
    *bytes = (struct bytes){.fd = -1, .memory = memory, .size = size};
}

void bytes_close(struct bytes *bytes)
{
    if (bytes->fd >= 0)
        close(bytes->fd);
    *bytes = (struct bytes){.fd = -1};
}

size_t bytes_read(const struct bytes *bytes, uint64_t at, void *to, size_t n)
{
    if (at >= bytes->size)
        return 0;
    if (n > bytes->size - at)
        n = (size_t)(bytes->size - at);
    if (bytes->memory) {
        memcpy(to, bytes->memory + at, n);
        return n;
    }
    size_t n_read = 0;
    while (n_read < n) {
        const ssize_t got = pread(bytes->fd, (char *)to + n_read, n - n_read, (off_t)(at + n_read));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n_read += (size_t)got;
    }
    return n_read;
}
