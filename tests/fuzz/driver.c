/* Runs a fuzz target over the files that are named, so that a corpus is tried without libFuzzer too. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The bytes are put at the end of an allocation of just their size, so that a sanitizer sees one read too far. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    static uint8_t bytes[1 << 20];
    const size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return 1;
    for (size_t i = 0; i < n; i++)
        copy[i] = bytes[i];
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int n_failed = 0;
    for (int i = 1; i < argc; i++)
        n_failed += run_file(argv[i]);
    printf("%d inputs\n", argc - 1 - n_failed);
    return n_failed > 0;
}
