/* What this process may use of the machine: memory and processors, by whoever limits them. */
#ifndef COREX_MACHINE_H
#define COREX_MACHINE_H

#include <stdint.h>

/* Bytes: memory and swap, or what the control groups allow if that is less. */
int64_t corex_machine_memory(void);
/* Processors: those of the affinity mask, or what the control groups allow if that is less. */
int corex_machine_processors(void);
/* A positive number from the environment (of a list, the first); 0 if there is none. */
int64_t corex_environment_number(const char *name);

#endif
