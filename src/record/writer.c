/* A recording on the disk while it grows: block after block, each whole, and the index at the end. */
#include "writer.h"

#include "file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_LEVEL 3

static void pass_over(int number)
{
    (void)number;
}

/* A limit of file sizes is an error of write(2) then. Caught, and not ignored: a command that is started
 * later gets back what was there before (execve(2)). */
static void survive_limit(void)
{
    struct sigaction now;
    const struct sigaction caught = {.sa_handler = pass_over, .sa_flags = SA_RESTART};
    if (sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        sigaction(SIGXFSZ, &caught, NULL);
}

bool writer_open(struct writer *w, const char *path, bool force, struct err *err)
{
    uint8_t header[FILE_HEADER_SIZE];
    file_header_store(header);
    survive_limit();
    const int fd = file_create(path, force, header, sizeof header, err);
    if (fd < 0)
        return false;
    writer_fini(w);
    *w = (struct writer){.fd = fd, .path = strdup(path), .n_bytes = sizeof header};
    if (!w->path)
        err_no_memory();
    return true;
}

/* The index block and the file's last bytes. */
static void put_index(const struct writer *w, struct buffer *to)
{
    struct block_header header = {
        .type = BLOCK_INDEX, .n_header = BLOCK_HEADER_SIZE, .first_ns = w->first_ns, .last_ns = w->last_ns};
    struct buffer entries = {0};
    uint8_t end[FILE_END_SIZE];
    ZSTD_CCtx *packer = ZSTD_createCCtx();
    if (!packer)
        err_no_memory();
    ZSTD_CCtx_setParameter(packer, ZSTD_c_compressionLevel, INDEX_LEVEL);
    index_put(&entries, &w->index);
    buffer_reserve(to, BLOCK_HEADER_SIZE);
    to->n = BLOCK_HEADER_SIZE;
    block_add_packed(to, &header, SECTION_INDEX, entries.bytes, entries.n, packer);
    block_header_store(to->bytes, &header);
    store_le(end, w->n_bytes, 8);
    memcpy(end + 8, file_end_magic, FILE_MAGIC_SIZE);
    buffer_bytes(to, end, sizeof end);
    buffer_fini(&entries);
    ZSTD_freeCCtx(packer);
}

/* Leaves the file whole: with its index, or without where there is no room for it. */
static bool finish(struct writer *w)
{
    struct buffer last = {0};
    put_index(w, &last);
    bool good = file_write(w->fd, last.bytes, last.n);
    int error = errno;
    if (!good && (ftruncate(w->fd, (off_t)w->n_bytes) != 0 || lseek(w->fd, 0, SEEK_END) < 0))
        error = errno;
    if (good)
        w->n_bytes += last.n;
    buffer_fini(&last);
    if (fsync(w->fd) != 0 && good) {
        error = errno;
        good = false;
    }
    if (close(w->fd) != 0 && good) {
        error = errno;
        good = false;
    }
    w->fd = -1;
    errno = error;
    return good;
}

/* In few words, without the directory: the line is to fit a screen of 60 columns. */
static const char *leaf(const struct writer *w)
{
    const char *slash = strrchr(w->path, '/');
    return slash ? slash + 1 : w->path;
}

static const char *reason(int error)
{
    return error == ENOSPC ? "disk full" : strerror(error);
}

static void fail(struct writer *w, int error)
{
    const bool whole = ftruncate(w->fd, (off_t)w->n_bytes) == 0 && lseek(w->fd, 0, SEEK_END) >= 0;
    err_set(&w->err, "%s: %s ends here, %s", reason(error), leaf(w), whole ? "whole" : "cut off");
    w->failed = true;
    finish(w);
}

/* Whether it still has a name, and all that was written: else what follows would be written for nobody. */
static bool is_there(struct writer *w)
{
    struct stat it;
    if (fstat(w->fd, &it) != 0 || (it.st_nlink > 0 && (uint64_t)it.st_size >= w->n_bytes))
        return true;
    err_set(&w->err, "%s was %s: recording lost", leaf(w), it.st_nlink > 0 ? "cut" : "removed");
    w->failed = true;
    close(w->fd);
    w->fd = -1;
    return false;
}

void writer_append(struct writer *w, const void *bytes, size_t n, const struct index_entry *entry)
{
    if (w->fd < 0 || !is_there(w))
        return;
    if (!file_write(w->fd, bytes, n)) {
        fail(w, errno);
        return;
    }
    struct index_entry here = *entry;
    here.offset = w->n_bytes;
    index_add(&w->index, &here);
    w->n_bytes += n;
    if (entry->type != BLOCK_EVENTS)
        return;
    if (w->n_blocks++ == 0)
        w->first_ns = entry->first_ns;
    w->n_events += entry->n_events;
    w->last_ns = entry->last_ns;
}

bool writer_close(struct writer *w, struct err *err)
{
    if (w->fd >= 0 && is_there(w) && !finish(w)) {
        err_set(&w->err, "%s: %s opens, no index", reason(errno), leaf(w));
        w->failed = true;
    }
    return !w->failed || err_set(err, "%s", w->err.msg);
}

void writer_fini(struct writer *w)
{
    index_fini(&w->index);
    free(w->path);
    *w = (struct writer){.fd = -1};
}
