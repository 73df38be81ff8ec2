/* Contexts. Memory belongs to the device, everything else to a context. */
#include "simulator.h"

#include <algorithm>

namespace corexsim
{

std::set<Context *> contexts;

namespace
{

thread_local std::vector<Context *> stack; /* of this thread, the current one last */
std::map<int, Context *> primaries;
std::map<int, unsigned> primary_flags;

Context *make_context(int device, bool primary)
{
    auto *context = new Context;
    context->device = device;
    context->primary = primary;
    context->legacy = std::make_shared<Stream>();
    context->legacy->context = context;
    context->legacy->flags = 0;
    context->legacy->priority = 0;
    context->legacy->legacy = true;
    context->legacy->id = 0;
    contexts.insert(context);
    return context;
}

CUresult destroy_context(Context *context)
{
    CUresult result = drain_context(context);
    forget_streams(context);
    forget_modules(context);
    bool last = std::none_of(contexts.begin(), contexts.end(), [&](Context *other) {
        return other != context && other->device == context->device;
    });
    if (last) {
        /* Memory belongs to the device here, so it goes with the device's last context. */
        forget_allocations(context->device, Kind::DEVICE);
        forget_allocations(context->device, Kind::MANAGED);
    }
    for (Context *other : contexts)
        other->peers.erase(context);
    contexts.erase(context);
    context->legacy->context = nullptr;
    context->legacy.reset();
    /* Never deleted: a thread may still have it on its stack, and must not find another there. */
    return result;
}

std::size_t default_limit(int limit)
{
    switch (limit) {
    case 0: return 1024;
    case 1: return 1 << 20;
    case 2: return 8 << 20;
    case 3: return 2;
    case 4: return 2048;
    case 5: return 64;
    default: return 0;
    }
}

} // namespace

Context *current_context()
{
    /* Another thread may have destroyed it. */
    return stack.empty() || !contexts.count(stack.back()) ? nullptr : stack.back();
}

CUresult check_context(Context *&context)
{
    if (!initialized)
        return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
    context = current_context();
    if (!context)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "no context is current in this thread");
    return CUDA_SUCCESS;
}

} // namespace corexsim

using namespace corexsim;

API cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    Context *&primary = primaries[device];
    if (primary)
        primary->users++;
    else
        primary = make_context(device, true);
    primary->flags = primary_flags[device];
    *context = primary;
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxReset_v2(CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    Context *&primary = primaries[device];
    CUresult result = primary ? destroy_context(primary) : CUDA_SUCCESS;
    primary = nullptr;
    return result;
}

API cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    Context *primary = primaries[device];
    if (!primary)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "the primary context of device %d is not retained",
                    device);
    return --primary->users ? CUDA_SUCCESS : cuDevicePrimaryCtxReset_v2(device);
}

API cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    *flags = primary_flags[device];
    *active = primaries[device] != nullptr;
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    primary_flags[device] = flags;
    return CUDA_SUCCESS;
}

API cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    *context = make_context(device, false);
    (*context)->flags = flags;
    stack.push_back(*context);
    return CUDA_SUCCESS;
}

API cuCtxCreate_v4(CUcontext *context, void *, unsigned flags, CUdevice device)
{
    return cuCtxCreate_v2(context, flags, device);
}

API cuCtxDestroy_v2(CUcontext context)
{
    ENTER();
    if (!contexts.count(context))
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxDestroy: no such context");
    if (context->primary)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxDestroy: a primary context is released");
    if (!stack.empty() && stack.back() == context)
        stack.pop_back();
    return destroy_context(context);
}

API cuCtxAttach(CUcontext *attached, unsigned)
{
    ENTER_CONTEXT();
    context->users++;
    *attached = context;
    return CUDA_SUCCESS;
}

API cuCtxDetach(CUcontext context)
{
    ENTER();
    if (!contexts.count(context))
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxDetach: no such context");
    if (context->primary)
        return cuDevicePrimaryCtxRelease_v2(context->device);
    return --context->users ? CUDA_SUCCESS : cuCtxDestroy_v2(context);
}

API cuCtxPushCurrent_v2(CUcontext context)
{
    ENTER();
    if (!contexts.count(context))
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxPushCurrent: no such context");
    stack.push_back(context);
    return CUDA_SUCCESS;
}

API cuCtxPopCurrent_v2(CUcontext *popped)
{
    ENTER();
    if (stack.empty())
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxPopCurrent: no context is current");
    if (popped)
        *popped = stack.back();
    stack.pop_back();
    return CUDA_SUCCESS;
}

API cuCtxSetCurrent(CUcontext context)
{
    ENTER();
    if (context && !contexts.count(context))
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxSetCurrent: no such context");
    if (!stack.empty())
        stack.pop_back();
    if (context)
        stack.push_back(context);
    return CUDA_SUCCESS;
}

API cuCtxGetCurrent(CUcontext *context)
{
    ENTER();
    *context = current_context();
    return CUDA_SUCCESS;
}

API cuCtxGetDevice(CUdevice *device)
{
    ENTER_CONTEXT();
    *device = context->device;
    return CUDA_SUCCESS;
}

API cuCtxGetFlags(unsigned *flags)
{
    ENTER_CONTEXT();
    *flags = context->flags;
    return CUDA_SUCCESS;
}

API cuCtxGetApiVersion(CUcontext, unsigned *version)
{
    *version = 3020;
    return CUDA_SUCCESS;
}

API cuCtxGetLimit(std::size_t *value, int limit)
{
    ENTER_CONTEXT();
    auto found = context->limits.find(limit);
    *value = found == context->limits.end() ? default_limit(limit) : found->second;
    return CUDA_SUCCESS;
}

API cuCtxSetLimit(int limit, std::size_t value)
{
    ENTER_CONTEXT();
    if (limit < 0 || limit > 6)
        return fail(CUDA_ERROR_UNSUPPORTED_LIMIT, "limit %d", limit);
    context->limits[limit] = value;
    return CUDA_SUCCESS;
}

API cuCtxGetCacheConfig(int *value)
{
    *value = 0;
    return CUDA_SUCCESS;
}

API cuCtxSetCacheConfig(int) { return CUDA_SUCCESS; }

API cuCtxGetSharedMemConfig(int *value)
{
    *value = 1;
    return CUDA_SUCCESS;
}

API cuCtxSetSharedMemConfig(int) { return CUDA_SUCCESS; }

API cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    *least = 0;
    *greatest = -5;
    return CUDA_SUCCESS;
}

API cuCtxEnablePeerAccess(CUcontext peer, unsigned)
{
    ENTER_CONTEXT();
    if (!contexts.count(peer) || peer->device == context->device)
        return fail(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, "not a context of another device");
    if (!context->peers.insert(peer).second)
        return fail(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, "device %d", peer->device);
    return CUDA_SUCCESS;
}

API cuCtxDisablePeerAccess(CUcontext peer)
{
    ENTER_CONTEXT();
    if (!context->peers.erase(peer))
        return fail(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, "for this context");
    return CUDA_SUCCESS;
}

API cuProfilerStart() { return CUDA_SUCCESS; }
API cuProfilerStop() { return CUDA_SUCCESS; }
