/* The entry points for memory of the device and of the host. */
#include "simulator.h"

#include <algorithm>

using namespace corexsim;

API cuMemAlloc_v2(CUdeviceptr *address, std::size_t bytes)
{
    ENTER_CONTEXT();
    if (bytes == 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemAlloc: 0 bytes");
    RETURN_IF_FAILED(check_not_capturing(context, "cuMemAlloc"));
    Allocation *made = allocate(bytes, Kind::DEVICE, context->device);
    if (!made)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *address = made->begin;
    return CUDA_SUCCESS;
}

API cuMemAllocManaged(CUdeviceptr *address, std::size_t bytes, unsigned)
{
    ENTER_CONTEXT();
    if (bytes == 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemAllocManaged: 0 bytes");
    Allocation *made = allocate(bytes, Kind::MANAGED, context->device);
    if (!made)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *address = made->begin;
    return CUDA_SUCCESS;
}

API cuMemAllocPitch_v2(CUdeviceptr *address, std::size_t *pitch, std::size_t width,
                       std::size_t height, unsigned)
{
    *pitch = (width + 511) / 512 * 512;
    return cuMemAlloc_v2(address, *pitch * height);
}

API cuMemFree_v2(CUdeviceptr address)
{
    ENTER_CONTEXT();
    if (address == 0)
        return CUDA_SUCCESS;
    RETURN_IF_FAILED(check_not_capturing(context, "cuMemFree"));
    /* The driver waits for everything that might still use the memory. */
    CUresult drained = drain_context(context);
    CUresult result = release(address, "cuMemFree", false);
    return result != CUDA_SUCCESS ? result : drained;
}

API cuMemHostAlloc(void **host, std::size_t bytes, unsigned flags)
{
    ENTER_CONTEXT();
    if (bytes == 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemHostAlloc: 0 bytes");
    Allocation *made = allocate(bytes, Kind::HOST, context->device);
    if (!made)
        return CUDA_ERROR_OUT_OF_MEMORY;
    made->flags = flags;
    *host = reinterpret_cast<void *>(made->begin);
    return CUDA_SUCCESS;
}

API cuMemAllocHost_v2(void **host, std::size_t bytes) { return cuMemHostAlloc(host, bytes, 0); }

API cuMemFreeHost(void *host)
{
    ENTER_CONTEXT();
    CUresult drained = drain_context(context);
    CUresult result = release(reinterpret_cast<std::uintptr_t>(host), "cuMemFreeHost", true);
    return result != CUDA_SUCCESS ? result : drained;
}

API cuMemHostRegister_v2(void *host, std::size_t bytes, unsigned)
{
    ENTER_CONTEXT();
    if (find_allocation(reinterpret_cast<std::uintptr_t>(host)))
        return fail(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "%p", host);
    add_region(host, bytes, Kind::REGISTERED, context->device);
    return CUDA_SUCCESS;
}

API cuMemHostUnregister(void *host)
{
    ENTER_CONTEXT();
    CUresult drained = drain_context(context);
    Allocation *found = find_allocation(reinterpret_cast<std::uintptr_t>(host));
    if (!found || found->kind != Kind::REGISTERED)
        return fail(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "%p", host);
    remove_region(host);
    return drained;
}

API cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *host, unsigned)
{
    ENTER_CONTEXT();
    if (!find_allocation(reinterpret_cast<std::uintptr_t>(host)))
        return fail(CUDA_ERROR_INVALID_VALUE, "%p is not page-locked", host);
    *address = reinterpret_cast<CUdeviceptr>(host);
    return CUDA_SUCCESS;
}

API cuMemHostGetFlags(unsigned *flags, void *host)
{
    ENTER_CONTEXT();
    Allocation *found = find_allocation(reinterpret_cast<std::uintptr_t>(host));
    if (!found)
        return fail(CUDA_ERROR_INVALID_VALUE, "%p is not page-locked", host);
    *flags = found->flags;
    return CUDA_SUCCESS;
}

API cuMemGetInfo_v2(std::size_t *free, std::size_t *total)
{
    ENTER_CONTEXT();
    *total = config.memory;
    *free = config.memory - std::min(config.memory, allocated_bytes(context->device));
    return CUDA_SUCCESS;
}

API cuMemGetAddressRange_v2(CUdeviceptr *begin, std::size_t *bytes, CUdeviceptr address)
{
    ENTER_CONTEXT();
    Allocation *found = find_allocation(address);
    if (!found)
        return fail(CUDA_ERROR_NOT_FOUND, "%s", describe_address(address).c_str());
    if (begin)
        *begin = found->begin;
    if (bytes)
        *bytes = found->bytes;
    return CUDA_SUCCESS;
}

API cuPointerGetAttribute(void *data, int attribute, CUdeviceptr address)
{
    ENTER();
    Allocation *found = find_allocation(address);
    if (!found)
        return fail(CUDA_ERROR_INVALID_VALUE, "%s", describe_address(address).c_str());
    bool host = found->kind == Kind::HOST || found->kind == Kind::REGISTERED;
    switch (attribute) {
    case 1: *static_cast<CUcontext *>(data) = current_context(); return CUDA_SUCCESS;
    case 2: *static_cast<int *>(data) = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE; break;
    case 3:
    case 4: *static_cast<CUdeviceptr *>(data) = address; break;
    case 8: *static_cast<unsigned *>(data) = found->kind == Kind::MANAGED; break;
    case 9: *static_cast<int *>(data) = found->device; break;
    case 11: *static_cast<CUdeviceptr *>(data) = found->begin; break;
    case 12: *static_cast<std::size_t *>(data) = found->bytes; break;
    default: return fail(CUDA_ERROR_NOT_SUPPORTED, "pointer attribute %d", attribute);
    }
    return CUDA_SUCCESS;
}
