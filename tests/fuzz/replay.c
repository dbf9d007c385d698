/* Stands in for libFuzzer where it is not built in: runs a fuzz target over the files of its corpus, over
 * every beginning of each of them, and over each with one bit turned. Prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MAX_VARIED 4096 /* longer inputs are run as they are */

/* A copy of the exact size, so that a sanitizer sees a read beyond the end. */
static void run(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_varied(unsigned char *data, size_t size)
{
    run(data, size);
    for (size_t n = 0; n < size && size <= MAX_VARIED; n++) {
        run(data, n);
        for (unsigned bit = 0; bit < 8; bit++) {
            data[n] ^= (unsigned char)(1u << bit);
            run(data, size);
            data[n] ^= (unsigned char)(1u << bit);
        }
    }
}

static int run_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        return 0;
    static unsigned char data[1 << 20];
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    run_varied(data, size);
    return 1;
}

int main(int argc, char **argv)
{
    int n_failed = 0;
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        int ok = run_file(argv[i]);
        n_failed += !ok;
        const char *base = strrchr(argv[i], '/');
        printf("%sok %d - %s\n", ok ? "" : "not ", i, base ? base + 1 : argv[i]);
        fflush(stdout);
    }
    return n_failed > 0;
}
