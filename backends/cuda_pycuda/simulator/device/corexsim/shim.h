/*
 * CUDA C++ for a host compiler: included before the first line of every kernel text, precompiled.
 * `__global__`, `__shared__` and `__launch_bounds__` are not macros: nvcc.py finds and replaces
 * them in the preprocessed text.
 */
#ifndef COREXSIM_SHIM_H
#define COREXSIM_SHIM_H

#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>
#include <math.h>
#include <stdlib.h>

#define COREX_CUDA_SIMULATOR 1
#define __CUDACC__ 1
#define __NVCC__ 1
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0
#define CUDART_VERSION 13000
#define CUDA_VERSION 13000

#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __inline_hint__
#define __restrict __restrict__
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __attribute__((aligned(n)))
#define __cluster_dims__(...)
#define __maxnreg__(...)
#define __nv_pure__

#include "interface.h"
#include "vectors.h"
#include "module.h"
#include "synchronization.h"
#include "bits.h"
#include "rounding.h"
#include "functions.h"
#include "errors.h"
#include "memory.h"
#include "atomics.h"

#endif
