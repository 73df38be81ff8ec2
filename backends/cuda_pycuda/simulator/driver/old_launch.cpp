/* The launch interface of old: a kernel's block, shared memory and arguments are set one by one. */
#include "simulator.h"

#include <cstring>

using namespace corexsim;

namespace
{

CUresult check(CUfunction function)
{
    if (valid_function(function))
        return CUDA_SUCCESS;
    return fail(CUDA_ERROR_INVALID_HANDLE, "the kernel's module is not loaded (any more)");
}

CUresult launch_as_set(CUfunction function, unsigned width, unsigned height, CUstream stream)
{
    ENTER();
    RETURN_IF_FAILED(check(function));
    std::size_t bytes = function->arguments.size();
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, function->arguments.data(),
                     CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
    const Dim3 &block = function->block;
    return cuLaunchKernel(function, width, height, 1, block.x, block.y, block.z,
                          function->dynamic_shared, stream, nullptr, extra);
}

} // namespace

/* PyCUDA calls this before every launch, also by the new interface, which checks the shape. */
API cuFuncSetBlockShape(CUfunction function, int x, int y, int z)
{
    ENTER();
    if (x < 1 || y < 1 || z < 1)
        return fail(CUDA_ERROR_INVALID_VALUE, "a block of (%d, %d, %d) threads", x, y, z);
    function->block = {static_cast<unsigned>(x), static_cast<unsigned>(y),
                       static_cast<unsigned>(z)};
    return CUDA_SUCCESS;
}

API cuFuncSetSharedSize(CUfunction function, unsigned bytes)
{
    ENTER();
    RETURN_IF_FAILED(check(function));
    function->dynamic_shared = bytes;
    return CUDA_SUCCESS;
}

API cuParamSetSize(CUfunction function, unsigned bytes)
{
    ENTER();
    RETURN_IF_FAILED(check(function));
    function->arguments.resize(bytes);
    return CUDA_SUCCESS;
}

API cuParamSetv(CUfunction function, int offset, const void *data, unsigned bytes)
{
    ENTER();
    RETURN_IF_FAILED(check(function));
    std::size_t end = static_cast<std::size_t>(offset) + bytes;
    if (function->arguments.size() < end)
        function->arguments.resize(end);
    std::memcpy(function->arguments.data() + offset, data, bytes);
    return CUDA_SUCCESS;
}

API cuParamSeti(CUfunction function, int offset, unsigned value)
{
    return cuParamSetv(function, offset, &value, sizeof(value));
}

API cuParamSetf(CUfunction function, int offset, float value)
{
    return cuParamSetv(function, offset, &value, sizeof(value));
}

API cuLaunch(CUfunction function) { return launch_as_set(function, 1, 1, nullptr); }

API cuLaunchGrid(CUfunction function, int width, int height)
{
    return launch_as_set(function, static_cast<unsigned>(width), static_cast<unsigned>(height),
                         nullptr);
}

API cuLaunchGridAsync(CUfunction function, int width, int height, CUstream stream)
{
    return launch_as_set(function, static_cast<unsigned>(width), static_cast<unsigned>(height),
                         stream);
}
