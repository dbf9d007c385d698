/* Logarithmic histograms: lengths below 16 have a bucket each, above that every octave has 16. */
#include "timeline.h"

#define N_SUB (1u << HISTOGRAM_SUB_BITS)

uint64_t histogram_bucket_floor(unsigned bucket)
{
    if (bucket < N_SUB)
        return bucket;
    return (uint64_t)(N_SUB + bucket % N_SUB) << (bucket / N_SUB - 1);
}

void histogram_widen(struct histogram *h, uint64_t ns)
{
    if (h->n == 0 || ns < h->min_ns)
        h->min_ns = ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
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
    const unsigned last = histogram_bucket(h->max_ns);
    for (unsigned i = histogram_bucket(h->min_ns); i <= last; i++) /* the others are empty */
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
    unsigned i = histogram_bucket(h->min_ns);
    while (i < HISTOGRAM_BUCKETS - 1 && (seen += h->count[i]) <= rank)
        i++;
    uint64_t ns = histogram_bucket_floor(i);
    ns = i + 1 < HISTOGRAM_BUCKETS ? ns + (histogram_bucket_floor(i + 1) - ns) / 2 : h->max_ns;
    if (ns < h->min_ns)
        return h->min_ns;
    return ns > h->max_ns ? h->max_ns : ns;
}
