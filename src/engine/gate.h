/* The gate: tasks wait here until all are let go at one moment. */
#ifndef SCHEDVIZ_ENGINE_GATE_H
#define SCHEDVIZ_ENGINE_GATE_H

#include "shared.h"

/* A task's ticket: taken before it says that it is at the gate. */
uint32_t gate_ticket(struct shared *shared);

/* Waits until the gate opened since the ticket was taken (true), or *stop is set or all shall quit (false).
 */
bool gate_wait(struct shared *shared, uint32_t ticket, const _Atomic bool *stop);

void gate_open(struct shared *shared);

/* Makes those who wait look at their stop flags. */
void gate_ring(struct shared *shared);

#endif
