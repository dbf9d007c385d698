/* What a variable of another process is called, by the symbol tables of the files that it has mapped. */
#ifndef SCHEDVIZ_OBSERVE_SYMBOL_H
#define SCHEDVIZ_OBSERVE_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The variable that an address lies in: "locks+40", a name too long for size being cut before the offset.
 * False when there is none: memory of the heap or a stack, files that are stripped, gone or not to be read,
 * or a build without elfutils. Reads files of the process' own root, nothing from elsewhere. It takes
 * milliseconds: to be asked once for each address. */
bool symbol_name(int pid, uint64_t address, char *name, size_t size);

#endif
