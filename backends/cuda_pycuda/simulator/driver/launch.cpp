/* Launches, and what can be asked of a kernel. */
#include "simulator.h"

#include <algorithm>
#include <cstring>

using namespace corexsim;

namespace
{

CUresult check_function(CUfunction function, Context *context)
{
    if (!valid_function(function))
        return fail(CUDA_ERROR_INVALID_HANDLE, "the kernel's module is not loaded (any more)");
    if (context && function->module->context != context)
        return fail(CUDA_ERROR_INVALID_HANDLE,
                    "kernel %s was loaded in a context of device %d, current is one of device %d",
                    function->kernel->name, function->module->context->device, context->device);
    return CUDA_SUCCESS;
}

CUresult check_shape(const Function &function, const Dim3 &grid, const Dim3 &block,
                     unsigned dynamic_shared)
{
    const char *name = function.kernel->name;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 2147483647u || grid.y > 65535 ||
        grid.z > 65535)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "kernel %s: a grid of (%u, %u, %u) blocks; each must be at least 1, at most "
                    "(2147483647, 65535, 65535)",
                    name, grid.x, grid.y, grid.z);
    std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > MAX_THREADS || block.x > 1024 || block.y > 1024 || block.z > 64)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "kernel %s: a block of (%u, %u, %u) threads; at most 1024 together, (1024, "
                    "1024, 64) each",
                    name, block.x, block.y, block.z);
    if (function.kernel->max_threads && threads > function.kernel->max_threads)
        return fail(CUDA_ERROR_INVALID_VALUE, "kernel %s: %u threads, __launch_bounds__ says %u",
                    name, static_cast<unsigned>(threads), function.kernel->max_threads);
    if (function.static_shared > MAX_SHARED || dynamic_shared > function.max_dynamic_shared)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "kernel %s: %u bytes of dynamic shared memory beside %zu static ones; at most "
                    "%zu (cuFuncSetAttribute allows more, up to %zu together)",
                    name, dynamic_shared, function.static_shared, function.max_dynamic_shared,
                    MAX_SHARED_OPTIN);
    return CUDA_SUCCESS;
}

std::string signature(const Kernel &kernel)
{
    std::string words;
    for (unsigned i = 0; i < kernel.parameter_count; i++) {
        const Parameter &one = kernel.parameters[i];
        words += (i ? ", " : "") + std::to_string(one.size) + " at " + std::to_string(one.offset);
        words += one.pointer ? " (pointer)" : "";
    }
    return words.empty() ? "none" : words;
}

/* The argument buffer, from either way of passing arguments. */
CUresult gather(const Kernel &kernel, void **parameters, void **extra,
                std::vector<unsigned char> &out)
{
    out.assign((kernel.argument_bytes + 15) / 16 * 16, 0);
    if (parameters) {
        for (unsigned i = 0; i < kernel.parameter_count; i++)
            std::memcpy(out.data() + kernel.parameters[i].offset, parameters[i],
                        kernel.parameters[i].size);
        return CUDA_SUCCESS;
    }
    const void *buffer = nullptr;
    std::size_t bytes = 0;
    for (; extra && *extra != CU_LAUNCH_PARAM_END; extra += 2) {
        if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = extra[1];
        else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
            bytes = *static_cast<std::size_t *>(extra[1]);
        else
            return fail(CUDA_ERROR_INVALID_VALUE, "kernel %s: unknown extra argument", kernel.name);
    }
    /* Stricter than a driver: PyCUDA does not pad the end, so more is a wrong type, not padding. */
    if (bytes != kernel.argument_bytes)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "kernel %s takes %u bytes of arguments, got %zu; the parameters' bytes: %s",
                    kernel.name, kernel.argument_bytes, bytes, signature(kernel).c_str());
    if (buffer)
        std::memcpy(out.data(), buffer, std::min<std::size_t>(bytes, out.size()));
    return CUDA_SUCCESS;
}

/*
 * Pointers that a GPU could not follow: to memory of the host, or of a device that was not made
 * accessible. Null and the end of an allocation pass, they may never be followed.
 */
CUresult check_pointers(const Launch &launch)
{
    const Kernel &kernel = *launch.function->kernel;
    const Context &context = *launch.function->module->context;
    for (unsigned i = 0; i < kernel.parameter_count; i++) {
        if (!kernel.parameters[i].pointer)
            continue;
        std::uintptr_t address;
        std::memcpy(&address, launch.arguments.data() + kernel.parameters[i].offset,
                    sizeof(address));
        const Allocation *found = address ? find_allocation(address) : nullptr;
        if (found && found->kind == Kind::DEVICE && found->device != context.device) {
            int device = found->device;
            bool peer = std::any_of(context.peers.begin(), context.peers.end(),
                                    [&](const Context *one) { return one->device == device; });
            if (!peer)
                return fail(CUDA_ERROR_ILLEGAL_ADDRESS,
                            "kernel %s on device %d: parameter %u points to memory of device %d",
                            kernel.name, context.device, i, device);
        }
        if (address && !found && is_host_memory(address))
            return fail(CUDA_ERROR_ILLEGAL_ADDRESS,
                        "kernel %s: parameter %u points to memory of the host (0x%zx)", kernel.name,
                        i, address);
    }
    return CUDA_SUCCESS;
}

/*
 * After a kernel: whether it wrote beside its memory but on the same page. The kernel that has
 * failed already is not blamed twice, but who frees the memory shall not be blamed either.
 */
CUresult check_written(const Launch &launch, bool blame)
{
    const Kernel &kernel = *launch.function->kernel;
    for (unsigned i = 0; i < kernel.parameter_count; i++) {
        if (!kernel.parameters[i].pointer)
            continue;
        std::uintptr_t address;
        std::memcpy(&address, launch.arguments.data() + kernel.parameters[i].offset,
                    sizeof(address));
        if (const Allocation *found = address ? find_allocation(address) : nullptr) {
            std::string who = std::string("kernel ") + kernel.name;
            CUresult result = check_slack(*found, blame ? who.c_str() : nullptr);
            if (blame && result != CUDA_SUCCESS)
                return result;
        }
    }
    return CUDA_SUCCESS;
}

CUresult launch(CUfunction function, const Dim3 &grid, const Dim3 &block, unsigned dynamic_shared,
                CUstream handle, void **parameters, void **extra)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(check_function(function, context));
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_shape(*function, grid, block, dynamic_shared));
    auto work = std::make_shared<Launch>();
    RETURN_IF_FAILED(gather(*function->kernel, parameters, extra, work->arguments));
    work->function = function;
    work->grid = grid;
    work->block = block;
    work->dynamic_shared = dynamic_shared;
    return submit(stream, [work] {
        counters[LAUNCHES]++;
        RETURN_IF_FAILED(check_pointers(*work));
        CUresult result = run_grid(*work);
        CUresult written = check_written(*work, result == CUDA_SUCCESS);
        return result != CUDA_SUCCESS ? result : written;
    });
}

} // namespace

API cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   CUstream stream, void **parameters, void **extra)
{
    return launch(function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared, stream,
                  parameters, extra);
}

API cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters,
                     void **extra)
{
    if (config->numAttrs)
        return fail(CUDA_ERROR_NOT_SUPPORTED,
                    "launch attributes (clusters, ...) are not simulated");
    return launch(function, {config->gridDimX, config->gridDimY, config->gridDimZ},
                  {config->blockDimX, config->blockDimY, config->blockDimZ}, config->sharedMemBytes,
                  config->hStream, parameters, extra);
}

API cuFuncGetAttribute(int *value, int attribute, CUfunction function)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    switch (attribute) {
    case 0: {
        unsigned most = function->kernel->max_threads;
        *value = static_cast<int>(most ? std::min(most, MAX_THREADS) : MAX_THREADS);
        break;
    }
    case 1: *value = static_cast<int>(function->static_shared); break;
    case 4: *value = 32; break;
    case 5:
    case 6: *value = 80; break;
    case 8: *value = static_cast<int>(function->max_dynamic_shared); break;
    default: *value = 0; break;
    }
    return CUDA_SUCCESS;
}

API cuFuncSetAttribute(CUfunction function, int attribute, int value)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    if (attribute == 8) {
        if (value < 0 ||
            static_cast<std::size_t>(value) + function->static_shared > MAX_SHARED_OPTIN)
            return fail(CUDA_ERROR_INVALID_VALUE,
                        "kernel %s: %d bytes of shared memory beside %zu static ones; at most %zu",
                        function->kernel->name, value, function->static_shared, MAX_SHARED_OPTIN);
        function->max_dynamic_shared = static_cast<std::size_t>(value);
    }
    return CUDA_SUCCESS;
}

API cuFuncSetCacheConfig(CUfunction, int) { return CUDA_SUCCESS; }

API cuFuncGetModule(CUmodule *module, CUfunction function)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    *module = function->module;
    return CUDA_SUCCESS;
}

API cuFuncGetName(const char **name, CUfunction function)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    *name = function->kernel->name;
    return CUDA_SUCCESS;
}

API cuFuncGetParamInfo(CUfunction function, std::size_t index, std::size_t *offset,
                       std::size_t *size)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    if (index >= function->kernel->parameter_count)
        return fail(CUDA_ERROR_INVALID_VALUE, "kernel %s has %u parameters", function->kernel->name,
                    function->kernel->parameter_count);
    *offset = function->kernel->parameters[index].offset;
    if (size)
        *size = function->kernel->parameters[index].size;
    return CUDA_SUCCESS;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads,
                                                std::size_t dynamic_shared)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    if (threads <= 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "a block of %d threads", threads);
    /* Registers are not known here: as if they never were the limit. */
    std::size_t shared = function->static_shared + dynamic_shared + 1024;
    int by_threads = 2048 / ((threads + 31) / 32 * 32);
    int by_shared = static_cast<int>((164u << 10) / shared);
    *blocks = threads > static_cast<int>(MAX_THREADS) ? 0 : std::min({by_threads, by_shared, 32});
    return CUDA_SUCCESS;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function,
                                                         int threads, std::size_t shared, unsigned)
{
    return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared);
}

API cuOccupancyMaxPotentialBlockSize(int *grid, int *threads, CUfunction function,
                                     std::size_t (*shared_for)(int), std::size_t shared, int limit)
{
    ENTER();
    RETURN_IF_FAILED(check_function(function, nullptr));
    unsigned most = function->kernel->max_threads ? function->kernel->max_threads : MAX_THREADS;
    if (limit > 0)
        most = std::min(most, static_cast<unsigned>(limit));
    int best = 0;
    for (unsigned candidate = most / WARP * WARP; candidate >= WARP; candidate -= WARP) {
        int blocks;
        int size = static_cast<int>(candidate);
        RETURN_IF_FAILED(cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &blocks, function, size, shared_for ? shared_for(size) : shared));
        if (blocks * size > best) {
            best = blocks * size;
            *threads = size;
            *grid = blocks * MULTIPROCESSORS;
        }
    }
    return CUDA_SUCCESS;
}
