/* Fuzz target: what a command prints. The first byte is the width. */
#include "../../ui/canvas.h"
#include "../../ui/transcript.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_row(const char *row, int cols)
{
    if (canvas_text_cols(row) > cols)
        abort();
    for (; *row; row++)
        if ((unsigned char)*row < ' ' || *row == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct transcript transcript;
    if (!size)
        return 0;
    const int cols = 1 + data[0] % 200;
    transcript_init(&transcript);
    for (int again = 0; again < 2; again++) { /* the second time into what the first one left */
        transcript_read(&transcript, (const char *)data + 1, size - 1, cols);
        for (unsigned i = 0; i < transcript.n_rows; i++)
            check_row(transcript_row(&transcript, i), cols);
    }
    transcript_fini(&transcript);
    return 0;
}
