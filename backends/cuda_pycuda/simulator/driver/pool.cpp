/* Allocation in stream order, and the pools it comes from. */
#include "simulator.h"

namespace corexsim
{

namespace
{

std::set<Pool *> pools;
std::map<int, Pool *> default_pools;

Pool *default_pool(int device)
{
    Pool *&pool = default_pools[device];
    if (!pool) {
        pool = new Pool;
        pool->device = device;
        pools.insert(pool);
    }
    return pool;
}

} // namespace

} // namespace corexsim

using namespace corexsim;

namespace
{

CUresult find_pool(CUmemoryPool pool, const char *routine)
{
    if (!pools.count(pool))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: the pool does not exist (any more)", routine);
    return CUDA_SUCCESS;
}

/* Attributes that are counted, not set. */
enum { RESERVED_CURRENT = 5, RESERVED_HIGH = 6, USED_CURRENT = 7, USED_HIGH = 8 };

} // namespace

API cuMemAllocFromPoolAsync(CUdeviceptr *address, std::size_t bytes, CUmemoryPool pool,
                            CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(find_pool(pool, "cuMemAllocFromPoolAsync"));
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "an allocation"));
    if (bytes == 0)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemAllocAsync: 0 bytes");
    Allocation *made = allocate(bytes, Kind::DEVICE, pool->device, pool);
    if (!made)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *address = made->begin;
    return CUDA_SUCCESS;
}

API cuMemAllocAsync(CUdeviceptr *address, std::size_t bytes, CUstream stream)
{
    ENTER_CONTEXT();
    return cuMemAllocFromPoolAsync(address, bytes, default_pool(context->device), stream);
}

API cuMemFreeAsync(CUdeviceptr address, CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "cuMemFreeAsync"));
    return submit(stream, [=] { return release(address, "cuMemFreeAsync", false); });
}

API cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice device)
{
    ENTER();
    if (!valid_device(device))
        return fail(CUDA_ERROR_INVALID_DEVICE, "device %d", device);
    *pool = default_pool(device);
    return CUDA_SUCCESS;
}

API cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device)
{
    return cuDeviceGetDefaultMemPool(pool, device);
}

API cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool)
{
    ENTER();
    RETURN_IF_FAILED(find_pool(pool, "cuDeviceSetMemPool"));
    default_pools[device] = pool;
    return CUDA_SUCCESS;
}

/* Of the properties only the device counts: the second number of the location. */
API cuMemPoolCreate(CUmemoryPool *pool, const int *properties)
{
    ENTER();
    constexpr int LOCATION_ID = 3; /* after the allocation's and the handle's type, and the kind */
    auto *made = new Pool;
    made->device = valid_device(properties[LOCATION_ID]) ? properties[LOCATION_ID] : 0;
    pools.insert(made);
    *pool = made;
    return CUDA_SUCCESS;
}

API cuMemPoolDestroy(CUmemoryPool pool)
{
    ENTER();
    RETURN_IF_FAILED(find_pool(pool, "cuMemPoolDestroy"));
    if (pool->used)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolDestroy: %zu bytes are in use", pool->used);
    pools.erase(pool);
    for (auto &entry : default_pools)
        entry.second = entry.second == pool ? nullptr : entry.second;
    delete pool;
    return CUDA_SUCCESS;
}

API cuMemPoolTrimTo(CUmemoryPool pool, std::size_t)
{
    ENTER();
    return find_pool(pool, "cuMemPoolTrimTo"); /* nothing is ever kept */
}

API cuMemPoolSetAttribute(CUmemoryPool pool, int attribute, void *value)
{
    ENTER();
    RETURN_IF_FAILED(find_pool(pool, "cuMemPoolSetAttribute"));
    if (attribute == USED_HIGH || attribute == RESERVED_HIGH)
        pool->used_high = pool->used;
    else if (attribute < RESERVED_CURRENT && attribute != 4)
        pool->attributes[attribute] = *static_cast<unsigned *>(value);
    else
        pool->attributes[attribute] = *static_cast<std::uint64_t *>(value);
    return CUDA_SUCCESS;
}

API cuMemPoolGetAttribute(CUmemoryPool pool, int attribute, void *value)
{
    ENTER();
    RETURN_IF_FAILED(find_pool(pool, "cuMemPoolGetAttribute"));
    if (attribute == RESERVED_CURRENT || attribute == USED_CURRENT)
        *static_cast<std::uint64_t *>(value) = pool->used;
    else if (attribute == RESERVED_HIGH || attribute == USED_HIGH)
        *static_cast<std::uint64_t *>(value) = pool->used_high;
    else if (attribute == 4) /* the release threshold is a 64-bit number, the rest are switches */
        *static_cast<std::uint64_t *>(value) = pool->attributes[attribute];
    else
        *static_cast<unsigned *>(value) = static_cast<unsigned>(pool->attributes[attribute]);
    return CUDA_SUCCESS;
}
