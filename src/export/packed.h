/* Numbers as text, packed to about what they tell: Rice codes that follow the mean of their kind, as bits in
 * base64. The page's script (page.js) reads the same. */
#ifndef SCHEDVIZ_PACKED_H
#define SCHEDVIZ_PACKED_H

#include <stdint.h>
#include <stdio.h>

#define PACKED_KINDS 16 /* of numbers, each with a mean of its own */
#define PACKED_BITS  46 /* numbers are below 1 << PACKED_BITS */

struct packer {
    FILE *out;
    uint64_t n_written;    /* characters */
    uint32_t bits, n_bits; /* of the next 24 */
    struct {
        uint64_t sum, n;
    } kinds[PACKED_KINDS];
};

/* A number v of a kind is coded so: k is the smallest one with n << k >= sum (at first n is 1 and sum 1).
 * v >> k ones, a zero, and the lowest k bits of v, the highest first; or, for a v >> k of 24 and more, 24
 * ones and all PACKED_BITS bits. Then v is added to sum, 1 to n, and when n is 32 both are halved. */
void packer_init(struct packer *packer, FILE *out);
void packer_put(struct packer *packer, unsigned kind, uint64_t value);
void packer_finish(struct packer *packer); /* zeros fill the last characters */

#endif
