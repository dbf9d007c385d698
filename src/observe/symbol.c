/* Names of variables, by elfutils' libdwfl. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "symbol.h"

#ifdef HAVE_LIBDW

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A search among so many takes 25 ms: in larger tables none is looked up. */
#define MAX_SYMBOLS 500000

/* ---- the files of a process ---- */

/* Its path is one of the process' own root, which need not be ours. A path that was mapped may be something
 * else by now: only a regular file is read, and none is waited for. */
static int find_file(Dwfl_Module *module, void **pid, const char *path, Dwarf_Addr base, char **found,
                     Elf **elf)
{
    char whole[4096];
    struct stat st;
    (void)module, (void)base, (void)found, (void)elf;
    if (!*pid || path[0] != '/')
        return -1;
    snprintf(whole, sizeof whole, "/proc/%d/root%s", *(const int *)*pid, path);
    int fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Debugging symbols that are installed are read, and none is asked of a server, as
 * dwfl_standard_find_debuginfo() does. */
static const Dwfl_Callbacks callbacks = {.find_elf = find_file,
                                         .find_debuginfo = dwfl_build_id_find_debuginfo};

/* ---- the symbol ---- */

struct search {
    uint64_t address;
    Dwarf_Addr begin;
    Dwfl_Module *module;
};

/* Variables without a value of their own (.bss) lie behind what is mapped of their file. */
static int take_nearest(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr begin, void *data)
{
    struct search *search = data;
    (void)userdata, (void)name;
    if (begin <= search->address && (!search->module || begin > search->begin)) {
        search->module = module;
        search->begin = begin;
    }
    return DWARF_CB_OK;
}

static Dwfl_Module *find_module(Dwfl *dwfl, uint64_t address)
{
    struct search search = {.address = address};
    search.module = dwfl_addrmodule(dwfl, address);
    if (!search.module)
        dwfl_getmodules(dwfl, take_nearest, &search, 0);
    return search.module;
}

static bool find_symbol(Dwfl *dwfl, int pid, uint64_t address, char *name, size_t size)
{
    void **userdata;
    GElf_Off offset;
    GElf_Sym symbol;
    char tail[24] = "";
    Dwfl_Module *module = find_module(dwfl, address);
    if (!module)
        return false;
    dwfl_module_info(module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    *userdata = &pid;
    if (dwfl_module_getsymtab(module) > MAX_SYMBOLS)
        return false;
    const char *found = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (!found || offset >= symbol.st_size || GELF_ST_TYPE(symbol.st_info) == STT_FUNC)
        return false;
    if (offset)
        snprintf(tail, sizeof tail, "+%llu", (unsigned long long)offset);
    size_t room = size > strlen(tail) ? size - 1 - strlen(tail) : 0,
           length = strcspn(found, "@"); /* its version */
    snprintf(name, size, "%.*s%s", (int)(length < room ? length : room), found, tail);
    return true;
}

bool symbol_name(int pid, uint64_t address, char *name, size_t size)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);
    if (!dwfl)
        return false;
    bool found = dwfl_linux_proc_report(dwfl, pid) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0 &&
                 find_symbol(dwfl, pid, address, name, size);
    dwfl_end(dwfl);
    return found;
}

#else

bool symbol_name(int pid, uint64_t address, char *name, size_t size)
{
    (void)pid, (void)address, (void)name, (void)size;
    return false;
}

#endif
