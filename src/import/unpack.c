/* Unpacking, by zlib and libzstd as streams. */
#include "unpack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define IN_BYTES    16384
#define ZLIB_MEMORY 65536 /* inflate's state and window are below that */

struct unpack {
    enum unpack_method method;
    z_stream zlib;
    ZSTD_DCtx *zstd;
    const struct bytes *bytes;
    uint64_t at, end; /* of the packed bytes that are not in `in' yet */
    size_t next, n;   /* of `in' */
    bool is_over;     /* its end, or damage */
    unsigned char in[IN_BYTES];
};

struct unpack *unpack_new(enum unpack_method method)
{
    struct unpack *unpack = mem_new(1, sizeof *unpack);
    unpack->method = method;
    unpack->is_over = true;
    if (method == UNPACK_ZLIB) {
        if (inflateInit(&unpack->zlib) != Z_OK)
            err_no_memory();
    } else {
        unpack->zstd = ZSTD_createDCtx();
        if (!unpack->zstd)
            err_no_memory();
        ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG);
    }
    return unpack;
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    if (unpack->method == UNPACK_ZLIB)
        inflateEnd(&unpack->zlib);
    ZSTD_freeDCtx(unpack->zstd);
    free(unpack);
}

void unpack_begin(struct unpack *unpack, const struct bytes *bytes, uint64_t at, uint64_t end)
{
    unpack->bytes = bytes;
    unpack->at = at;
    unpack->end = end;
    unpack->next = unpack->n = 0;
    unpack->is_over = false;
    if (unpack->method == UNPACK_ZLIB)
        inflateReset(&unpack->zlib);
    else
        ZSTD_DCtx_reset(unpack->zstd, ZSTD_reset_session_only);
}

static void fill(struct unpack *unpack)
{
    const uint64_t left = unpack->end > unpack->at ? unpack->end - unpack->at : 0;
    const size_t n = left < IN_BYTES ? (size_t)left : IN_BYTES;
    unpack->next = 0;
    unpack->n = bytes_read(unpack->bytes, unpack->at, unpack->in, n);
    unpack->at += unpack->n;
}

/* Both take what they can of `in' and return how many bytes they made. */
static size_t run_zlib(struct unpack *unpack, void *to, size_t n)
{
    z_stream *z = &unpack->zlib;
    z->next_in = unpack->in + unpack->next;
    z->avail_in = (uInt)(unpack->n - unpack->next);
    z->next_out = to;
    z->avail_out = n < INT32_MAX ? (uInt)n : INT32_MAX;
    const uInt asked = z->avail_out;
    const int result = inflate(z, Z_NO_FLUSH);
    unpack->next = unpack->n - z->avail_in;
    unpack->is_over = result != Z_OK && result != Z_BUF_ERROR;
    return asked - z->avail_out;
}

static size_t run_zstd(struct unpack *unpack, void *to, size_t n)
{
    ZSTD_inBuffer in = {unpack->in, unpack->n, unpack->next};
    ZSTD_outBuffer out = {to, n, 0};
    const size_t result = ZSTD_decompressStream(unpack->zstd, &out, &in);
    unpack->next = in.pos;
    unpack->is_over = ZSTD_isError(result) || result == 0;
    return out.pos;
}

size_t unpack_read(struct unpack *unpack, void *to, size_t n)
{
    size_t n_made = 0;
    while (n_made < n && !unpack->is_over) {
        if (unpack->next == unpack->n)
            fill(unpack);
        const size_t had = unpack->next;
        const size_t made = unpack->method == UNPACK_ZLIB ? run_zlib(unpack, (char *)to + n_made, n - n_made)
                                                          : run_zstd(unpack, (char *)to + n_made, n - n_made);
        n_made += made;
        if (made == 0 && unpack->next == had)
            unpack->is_over = true; /* neither taken nor given: the packed bytes are cut off */
    }
    return n_made;
}

size_t unpack_memory(const struct unpack *unpack)
{
    return sizeof *unpack + (unpack->method == UNPACK_ZLIB ? ZLIB_MEMORY : ZSTD_sizeof_DCtx(unpack->zstd));
}
