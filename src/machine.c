/* The machine through hwloc, sysfs and the affinity call. */
#include "machine.h"

#include "err.h"

#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- what the kernel says ---- */

static bool read_list(const char *name, struct cpuset *set)
{
    char path[64], line[8192];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/%s", name);
    FILE *file = fopen(path, "re");
    const bool ok = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    if (!ok)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return cpuset_parse(set, line, NULL);
}

/* sched_getaffinity(2) leaves out what is offline; proc(5) does not. */
static bool read_allowed_at_all(struct cpuset *set)
{
    static const char name[] = "Cpus_allowed_list:";
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *file = fopen("/proc/thread-self/status", "re");
    while (file && !found && getline(&line, &size, file) > 0)
        found = strncmp(line, name, sizeof name - 1) == 0;
    if (file)
        fclose(file);
    if (found) {
        line[strcspn(line, "\n")] = '\0';
        found = cpuset_parse(set, line + sizeof name - 1 + strspn(line + sizeof name - 1, " \t"), NULL);
    }
    free(line);
    return found;
}

static bool get_own_affinity(struct cpuset *set)
{
    return cpuset_get_affinity(0, set);
}

static bool set_own_affinity(const struct cpuset *set)
{
    return cpuset_set_affinity(0, set);
}

static const struct machine_probe kernel_probe = {.list = read_list,
                                                  .allowed_at_all = read_allowed_at_all,
                                                  .get_affinity = get_own_affinity,
                                                  .set_affinity = set_own_affinity};

/* ---- which CPUs are online and allowed ---- */

static struct cpuset intersect(const struct cpuset *a, const struct cpuset *b)
{
    struct cpuset both;
    for (size_t i = 0; i < sizeof both.bits / sizeof both.bits[0]; i++)
        both.bits[i] = a->bits[i] & b->bits[i];
    return both;
}

/* What the kernel lets us use of what we had at the start, or at all where a cgroup leaves nothing of that.
 * The caller's own mask does not tell once it has pinned itself, so the wide one is asked for, read back as
 * granted, and the own one restored. No migration comes of it: the CPU that we are on is in both. */
static struct cpuset read_granted(const struct machine *machine)
{
    const struct machine_probe *probe = machine->probe;
    struct cpuset own, granted;
    if (!probe->get_affinity(&own))
        return machine->allowed;
    const struct cpuset wanted = intersect(&machine->at_start, &machine->online);
    if (cpuset_subset(&wanted, &own))
        return own;
    if (!probe->set_affinity(&machine->at_start) && !probe->set_affinity(&machine->online))
        return own;
    if (!probe->get_affinity(&granted))
        granted = own;
    probe->set_affinity(&own);
    return granted;
}

static bool has_rows_for(const struct machine *machine, const struct cpuset *cpus)
{
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        if (!machine_cpu(machine, cpu))
            return false;
    }
    return true;
}

static bool load_rows(struct machine *machine);

bool machine_refresh(struct machine *machine)
{
    const struct cpuset online_before = machine->online, allowed_before = machine->allowed;
    /* Where sysfs is not mounted (some sandboxes), what we may use is all that is known. */
    if (!machine->probe->list("online", &machine->online))
        machine->online = machine->at_start;
    if (!machine->probe->list("present", &machine->present))
        machine->present = machine->online;
    const struct cpuset granted = read_granted(machine), possible = intersect(&granted, &machine->online);
    machine->allowed = intersect(&possible, &machine->at_start);
    if (cpuset_count(&machine->allowed) == 0)
        machine->allowed = cpuset_count(&possible) > 0 ? possible : allowed_before;
    const bool changed =
        !cpuset_equal(&machine->online, &online_before) || !cpuset_equal(&machine->allowed, &allowed_before);
    if (changed && !has_rows_for(machine, &machine->online))
        load_rows(machine);
    return changed;
}

/* ---- the topology ---- */

static void read_cpu(hwloc_topology_t topology, hwloc_obj_t pu, struct machine_cpu *cpu)
{
    const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
    const hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu);
    const int kind = hwloc_cpukinds_get_by_cpuset(topology, pu->cpuset, 0);
    *cpu = (struct machine_cpu){
        .cpu = (int)pu->os_index,
        .core = (int)(core ? core->logical_index : pu->logical_index),
        .package = package ? (int)package->logical_index : 0,
        .smt = core ? (int)pu->sibling_rank : 0,
        .n_smt = core ? hwloc_bitmap_weight(core->cpuset) : 1,
        .kind = kind > 0 ? kind : 0,
    };
}

/* Ranks kinds by efficiency; hwloc orders them so, and gives -1 where the kernel does not tell them apart. */
static bool kinds_are_ranked(hwloc_topology_t topology)
{
    int efficiency;
    return hwloc_cpukinds_get_nr(topology, 0) > 1 &&
           hwloc_cpukinds_get_info(topology, 0, NULL, &efficiency, NULL, NULL, 0) == 0 && efficiency >= 0;
}

static int compare_cpus(const void *a, const void *b)
{
    const struct machine_cpu *x = a, *y = b;
    if (x->package != y->package)
        return x->package < y->package ? -1 : 1;
    if (x->core != y->core)
        return x->core < y->core ? -1 : 1;
    if (x->smt != y->smt)
        return x->smt < y->smt ? -1 : 1;
    return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static void read_model(hwloc_topology_t topology, char *model, size_t size)
{
    const hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
    const char *name = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    snprintf(model, size, "%s", name ? name : "");
}

static void read_topology(struct machine *machine, hwloc_topology_t topology)
{
    const int n_pus = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    const bool kinds = kinds_are_ranked(topology);
    machine->n_cpus = 0;
    machine->cpus = mem_new((unsigned long)n_pus, sizeof *machine->cpus);
    for (int i = 0; i < n_pus; i++) {
        struct machine_cpu *cpu = &machine->cpus[machine->n_cpus];
        read_cpu(topology, hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, (unsigned)i), cpu);
        if (!kinds)
            cpu->kind = 0;
        if (cpu->cpu < CPUSET_MAX)
            machine->n_cpus++;
    }
    qsort(machine->cpus, machine->n_cpus, sizeof *machine->cpus, compare_cpus);

    const int n_cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    const int n_packages = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE);
    machine->n_cores = n_cores > 0 ? (unsigned)n_cores : machine->n_cpus;
    machine->n_packages = n_packages > 0 ? (unsigned)n_packages : 1;
    machine->n_kinds = kinds ? (unsigned)hwloc_cpukinds_get_nr(topology, 0) : 1;
    read_model(topology, machine->model, sizeof machine->model);
}

/* hwloc's plugins find GPUs and PCI devices and bring X11 and OpenCL with them, which takes most of the time
 * of a start. The environment is the only way to leave them out; it is put back, since children inherit it.
 */
static bool init_without_plugins(hwloc_topology_t *topology)
{
    static const char name[] = "HWLOC_PLUGINS_PATH";
    const char *value = getenv(name);
    char *before = value ? strdup(value) : NULL;
    if (value && !before)
        err_no_memory();
    setenv(name, "/nonexistent", 1);
    const bool ok = hwloc_topology_init(topology) == 0;
    if (before)
        setenv(name, before, 1);
    else
        unsetenv(name);
    free(before);
    return ok;
}

/* Only packages, cores and hardware threads, also those that a cgroup forbids: a CPU that may not be used is
 * to be called forbidden, not unknown. The x86 backend would bind us to every CPU in turn, and Linux tells
 * the same by sysfs. */
static bool load_topology(hwloc_topology_t *topology)
{
    if (!init_without_plugins(topology))
        return false;
    hwloc_topology_set_all_types_filter(*topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(*topology, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(*topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_components(*topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    hwloc_topology_set_flags(*topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED |
                                            HWLOC_TOPOLOGY_FLAG_NO_DISTANCES |
                                            HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS);
    if (hwloc_topology_load(*topology) == 0)
        return true;
    hwloc_topology_destroy(*topology);
    return false;
}

/* A CPU that went offline keeps its row, for what was seen of it. hwloc does not see it any more: it stands
 * alone, after the others. */
static void keep_lost_rows(struct machine *machine, const struct machine_cpu *before, unsigned n_before)
{
    machine->cpus = mem_resize(machine->cpus, machine->n_cpus + n_before, sizeof *machine->cpus);
    for (unsigned i = 0; i < n_before; i++) {
        if (machine_cpu(machine, before[i].cpu))
            continue;
        struct machine_cpu *lost = &machine->cpus[machine->n_cpus++];
        *lost = before[i];
        lost->core = (int)machine->n_cores++;
        lost->smt = 0;
        lost->n_smt = 1;
    }
}

/* A CPU that was offline when hwloc looked has no row: the kernel tells its place only while it is online. */
static bool load_rows(struct machine *machine)
{
    hwloc_topology_t topology;
    if (!load_topology(&topology))
        return false;
    struct machine_cpu *before = machine->cpus;
    const unsigned n_before = machine->n_cpus;
    read_topology(machine, topology);
    keep_lost_rows(machine, before, n_before);
    free(before);
    hwloc_topology_destroy(topology);
    return true;
}

bool machine_load(struct machine *machine, struct err *err)
{
    struct utsname names;

    memset(machine, 0, sizeof *machine);
    machine->probe = &kernel_probe;
    if (!machine->probe->get_affinity(&machine->allowed))
        return err_set(err,
                       "cannot read the own CPU affinity: the kernel has more CPUs than schedviz knows of");
    if (!machine->probe->allowed_at_all(&machine->at_start))
        machine->at_start = machine->allowed;
    if (!load_rows(machine))
        return err_set(err, "hwloc cannot read the machine's topology: is /sys mounted?");
    machine_refresh(machine);
    if (uname(&names) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%s", names.release);
    return true;
}

void machine_fini(struct machine *machine)
{
    free(machine->cpus);
    machine->cpus = NULL;
    machine->n_cpus = 0;
}

const struct machine_cpu *machine_cpu(const struct machine *machine, int cpu)
{
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        if (machine->cpus[i].cpu == cpu)
            return &machine->cpus[i];
    }
    return NULL;
}

/* Which of two CPUs is the better one to add: a hardware thread of a core that no other chosen one shares
 * comes first. */
static unsigned siblings_in(const struct machine *machine, const struct machine_cpu *row,
                            const struct cpuset *chosen)
{
    unsigned n = 0;
    for (unsigned i = 0; i < machine->n_cpus; i++)
        n += machine->cpus[i].core == row->core && cpuset_has(chosen, machine->cpus[i].cpu);
    return n;
}

int machine_next_cpu(const struct machine *machine, const struct cpuset *chosen)
{
    int best = -1;
    unsigned least = 0;
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        const struct machine_cpu *row = &machine->cpus[i];
        if (!cpuset_has(&machine->allowed, row->cpu) || cpuset_has(chosen, row->cpu))
            continue;
        unsigned n = siblings_in(machine, row, chosen);
        if (best < 0 || n < least) {
            best = row->cpu;
            least = n;
        }
    }
    return best;
}

void machine_first_cpus(const struct machine *m, unsigned n, struct cpuset *cpus)
{
    memset(cpus, 0, sizeof *cpus);
    for (unsigned i = 0; i < n; i++)
        cpuset_add(cpus, machine_next_cpu(m, cpus));
}

int machine_last_cpu(const struct machine *machine, const struct cpuset *chosen)
{
    int last = -1;
    unsigned most = 0;
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        const struct machine_cpu *row = &machine->cpus[i];
        if (!cpuset_has(chosen, row->cpu))
            continue;
        unsigned n = siblings_in(machine, row, chosen);
        if (last < 0 || n >= most) {
            last = row->cpu;
            most = n;
        }
    }
    return last;
}

int machine_spare_cpu(const struct machine *machine, const struct cpuset *chosen)
{
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        const struct machine_cpu *row = &machine->cpus[i];
        if (cpuset_has(&machine->allowed, row->cpu) && siblings_in(machine, row, chosen) == 0)
            return row->cpu;
    }
    return -1;
}
