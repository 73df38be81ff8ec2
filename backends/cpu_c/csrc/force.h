/* Where the value of a path becomes a choice; see paths.h. */
#ifndef COREX_FORCE_H
#define COREX_FORCE_H

#include "internal.h"

/* The numbers of COREX_PATH_LEVEL: auto, then the levels in their order. */
corex_status corex_level_select(int64_t choice, const char *name);

/* What the environment asked for in vain, or COREX_OK. */
corex_status corex_paths_status(void);

#endif
