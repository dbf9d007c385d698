/* Logarithmic histograms: lengths below 16 have a bucket each, above that every octave has 16. */
#include "timeline.h"

#define SUB_BITS 4
#define N_SUB    (1u << SUB_BITS)

static unsigned bucket_of(uint64_t ns)
{
    if (ns < N_SUB)
        return (unsigned)ns;
    unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
    unsigned bucket = (octave - SUB_BITS + 1) * N_SUB + (unsigned)(ns >> (octave - SUB_BITS) & (N_SUB - 1));
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bucket_floor(unsigned bucket)
{
    if (bucket < N_SUB)
        return bucket;
    return (uint64_t)(N_SUB + bucket % N_SUB) << (bucket / N_SUB - 1);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    if (h->n == 0 || ns < h->min_ns)
        h->min_ns = ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
    h->n++;
    h->sum_ns += ns;
    h->count[bucket_of(ns)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *h)
{
    if (!h->n)
        return;
    if (into->n == 0 || h->min_ns < into->min_ns)
        into->min_ns = h->min_ns;
    if (h->max_ns > into->max_ns)
        into->max_ns = h->max_ns;
    into->n += h->n;
    into->sum_ns += h->sum_ns;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->count[i] += h->count[i];
}

/* The middle of the bucket that holds the value of rank q * (n - 1), within what was really seen. */
uint64_t histogram_quantile(const struct histogram *h, double q)
{
    if (!h->n)
        return 0;
    if (!(q > 0))
        return h->min_ns;
    if (q >= 1)
        return h->max_ns;
    uint64_t rank = (uint64_t)(q * (double)(h->n - 1) + 0.5), seen = 0;
    unsigned i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && (seen += h->count[i]) <= rank)
        i++;
    uint64_t ns = histogram_bucket_floor(i);
    ns = i + 1 < HISTOGRAM_BUCKETS ? ns + (histogram_bucket_floor(i + 1) - ns) / 2 : h->max_ns;
    if (ns < h->min_ns)
        return h->min_ns;
    return ns > h->max_ns ? h->max_ns : ns;
}
