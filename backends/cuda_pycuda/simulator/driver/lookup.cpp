/* Entry points by name, for programs that load the driver themselves. */
#include "simulator.h"

#include <cstring>
#include <dlfcn.h>

using namespace corexsim;

/* The newest version of an entry point: cuMemAlloc is cuMemAlloc_v2. */
API cuGetProcAddress_v2(const char *symbol, void **function, int, std::uint64_t, int *status)
{
    static void *const self = [] {
        Dl_info info;
        dladdr(reinterpret_cast<void *>(&cuGetProcAddress_v2), &info);
        return dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    }();
    *function = nullptr;
    for (const char *version : {"_v4", "_v3", "_v2", ""}) {
        *function = dlsym(self, (std::string(symbol) + version).c_str());
        if (*function)
            break;
    }
    if (!std::strcmp(symbol, "cuGraphInstantiate")) /* the one that was renamed */
        *function = dlsym(self, "cuGraphInstantiateWithFlags");
    if (status)
        *status = *function ? 0 : 1;
    return *function ? CUDA_SUCCESS
                     : fail(CUDA_ERROR_NOT_FOUND, "cuGetProcAddress: no entry point %s", symbol);
}

API cuGetProcAddress(const char *symbol, void **function, int version, std::uint64_t flags)
{
    return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}
