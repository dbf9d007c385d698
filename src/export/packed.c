/* Numbers as text, packed: see packed.h. */
#include "packed.h"

#include <assert.h>

#define MAX_ONES 24u
#define MEMORY   32u /* how many numbers the mean follows */

void packer_init(struct packer *packer, FILE *out)
{
    *packer = (struct packer){.out = out};
    for (unsigned i = 0; i < PACKED_KINDS; i++) {
        packer->kinds[i].sum = 1;
        packer->kinds[i].n = 1;
    }
}

static void write_group(struct packer *packer)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int shift = 18; shift >= 0; shift -= 6)
        fputc(digits[packer->bits >> shift & 63], packer->out);
    packer->n_written += 4;
    packer->bits = packer->n_bits = 0;
}

/* The lowest n bits of value, the highest of them first. */
static void put_bits(struct packer *packer, uint64_t value, unsigned n)
{
    while (n > 0) {
        const unsigned room = 24 - packer->n_bits, now = n < room ? n : room;
        assert(room > 0 && room <= 24);
        const uint32_t part = (uint32_t)(value >> (n - now)) & ((1u << now) - 1);
        packer->bits |= part << (room - now);
        packer->n_bits += now;
        n -= now;
        if (packer->n_bits == 24)
            write_group(packer);
    }
}

void packer_put(struct packer *packer, unsigned kind, uint64_t value)
{
    uint64_t *sum = &packer->kinds[kind].sum, *n = &packer->kinds[kind].n;
    unsigned k = 0;
    while (*n << k < *sum)
        k++;
    const uint64_t ones = value >> k;
    if (ones < MAX_ONES) {
        put_bits(packer, (UINT64_C(1) << (ones + 1)) - 2, (unsigned)ones + 1);
        put_bits(packer, value, k);
    } else {
        put_bits(packer, (1u << MAX_ONES) - 1, MAX_ONES);
        put_bits(packer, value, PACKED_BITS);
    }
    *sum += value;
    if (++*n == MEMORY) {
        *sum >>= 1;
        *n >>= 1;
    }
}

void packer_finish(struct packer *packer)
{
    if (packer->n_bits)
        write_group(packer);
}
