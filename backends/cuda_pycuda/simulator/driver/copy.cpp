/* Copies and fills. */
#include "simulator.h"

#include <cstring>

using namespace corexsim;

namespace
{

/* A host address that the GPU may read while the program goes on. */
bool page_locked(const void *host)
{
    Allocation *found = find_allocation(reinterpret_cast<std::uintptr_t>(host));
    return found != nullptr;
}

/* Work of the default stream that the caller waits for. */
CUresult submit_and_wait(const std::shared_ptr<Stream> &stream, Work work)
{
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "a copy that waits"));
    CUresult result = submit(stream, std::move(work));
    CUresult drained = drain(stream, stream->submitted);
    return result != CUDA_SUCCESS ? result : drained;
}

void *pointer(CUdeviceptr address) { return reinterpret_cast<void *>(address); }

CUresult fill(CUdeviceptr to, std::size_t pitch, unsigned value, std::size_t unit,
              std::size_t width, std::size_t height, CUstream handle, const char *routine)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    if (width == 0 || height == 0)
        return CUDA_SUCCESS;
    if (to % unit || (height > 1 && pitch < width * unit))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: misaligned address or pitch", routine);
    RETURN_IF_FAILED(check_device_range(to, (height - 1) * pitch + width * unit, routine));
    return submit(stream, [=] {
        counters[MEMSETS]++;
        RETURN_IF_FAILED(check_device_range(to, (height - 1) * pitch + width * unit, routine));
        for (std::size_t row = 0; row < height; row++) {
            auto *out = static_cast<unsigned char *>(pointer(to)) + row * pitch;
            for (std::size_t i = 0; i < width; i++)
                std::memcpy(out + i * unit, &value, unit); /* the low bytes come first */
        }
        return CUDA_SUCCESS;
    });
}

CUresult copy_device(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle,
                     const char *routine)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_device_range(to, bytes, routine));
    RETURN_IF_FAILED(check_device_range(from, bytes, routine));
    return submit(stream, [=] {
        counters[DTOD_COPIES]++;
        counters[DTOD_BYTES] += bytes;
        RETURN_IF_FAILED(check_device_range(to, bytes, routine));
        RETURN_IF_FAILED(check_device_range(from, bytes, routine));
        std::memmove(pointer(to), pointer(from), bytes);
        return CUDA_SUCCESS;
    });
}

Work write_device(CUdeviceptr to, const void *from, std::size_t bytes, const char *routine)
{
    return [=] {
        counters[HTOD_COPIES]++;
        counters[HTOD_BYTES] += bytes;
        RETURN_IF_FAILED(check_device_range(to, bytes, routine));
        std::memcpy(pointer(to), from, bytes);
        return CUDA_SUCCESS;
    };
}

Work read_device(void *to, CUdeviceptr from, std::size_t bytes, const char *routine)
{
    return [=] {
        counters[DTOH_COPIES]++;
        counters[DTOH_BYTES] += bytes;
        RETURN_IF_FAILED(check_device_range(from, bytes, routine));
        std::memcpy(to, pointer(from), bytes);
        return CUDA_SUCCESS;
    };
}

/* One side of a copy of rows. */
struct Side {
    unsigned char *base;
    std::size_t pitch, slice;
    bool device;
};

CUresult side_of(CUmemorytype type, const void *host, CUdeviceptr device, std::size_t offset,
                 std::size_t pitch, std::size_t height, std::size_t y, std::size_t z, Side &side)
{
    if (type == CU_MEMORYTYPE_ARRAY)
        return fail(CUDA_ERROR_NOT_SUPPORTED, "CUDA arrays are not simulated");
    bool on_device = type != CU_MEMORYTYPE_HOST;
    auto *base = on_device ? static_cast<unsigned char *>(pointer(device))
                           : static_cast<unsigned char *>(const_cast<void *>(host));
    side = {base + z * pitch * height + y * pitch + offset, pitch, pitch * height, on_device};
    return CUDA_SUCCESS;
}

CUresult copy_rows(const CUDA_MEMCPY3D &copy, CUstream handle, bool wait)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    Side to, from;
    RETURN_IF_FAILED(side_of(copy.srcMemoryType, copy.srcHost, copy.srcDevice, copy.srcXInBytes,
                             copy.srcPitch, copy.srcHeight, copy.srcY, copy.srcZ, from));
    RETURN_IF_FAILED(side_of(copy.dstMemoryType, copy.dstHost, copy.dstDevice, copy.dstXInBytes,
                             copy.dstPitch, copy.dstHeight, copy.dstY, copy.dstZ, to));
    std::size_t width = copy.WidthInBytes, height = copy.Height, depth = copy.Depth;
    if (width == 0 || height == 0 || depth == 0)
        return CUDA_SUCCESS;
    for (const Side *side : {&to, &from})
        if (side->device)
            RETURN_IF_FAILED(check_device_range(
                reinterpret_cast<CUdeviceptr>(side->base),
                (depth - 1) * side->slice + (height - 1) * side->pitch + width, "a copy of rows"));
    Work work = [=] {
        Counter kind = !from.device ? HTOD_COPIES : to.device ? DTOD_COPIES : DTOH_COPIES;
        counters[kind]++;
        counters[kind + 1] += width * height * depth;
        for (std::size_t z = 0; z < depth; z++)
            for (std::size_t y = 0; y < height; y++)
                std::memmove(to.base + z * to.slice + y * to.pitch,
                             from.base + z * from.slice + y * from.pitch, width);
        return CUDA_SUCCESS;
    };
    return wait ? submit_and_wait(stream, std::move(work)) : submit(stream, std::move(work));
}

CUDA_MEMCPY3D as_3d(const CUDA_MEMCPY2D &copy)
{
    CUDA_MEMCPY3D out = {};
    out.srcXInBytes = copy.srcXInBytes;
    out.srcY = copy.srcY;
    out.srcMemoryType = copy.srcMemoryType;
    out.srcHost = copy.srcHost;
    out.srcDevice = copy.srcDevice;
    out.srcPitch = copy.srcPitch ? copy.srcPitch : copy.WidthInBytes;
    out.dstXInBytes = copy.dstXInBytes;
    out.dstY = copy.dstY;
    out.dstMemoryType = copy.dstMemoryType;
    out.dstHost = copy.dstHost;
    out.dstDevice = copy.dstDevice;
    out.dstPitch = copy.dstPitch ? copy.dstPitch : copy.WidthInBytes;
    out.WidthInBytes = copy.WidthInBytes;
    out.Height = copy.Height;
    out.Depth = 1;
    return out;
}

} // namespace

API cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, std::size_t bytes)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(check_device_range(to, bytes, "cuMemcpyHtoD"));
    return submit_and_wait(context->legacy, write_device(to, from, bytes, "cuMemcpyHtoD"));
}

API cuMemcpyDtoH_v2(void *to, CUdeviceptr from, std::size_t bytes)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(check_device_range(from, bytes, "cuMemcpyDtoH"));
    return submit_and_wait(context->legacy, read_device(to, from, bytes, "cuMemcpyDtoH"));
}

API cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, std::size_t bytes, CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_device_range(to, bytes, "cuMemcpyHtoDAsync"));
    if (page_locked(from) || !config.deferred || stream->capture)
        return submit(stream, write_device(to, from, bytes, "cuMemcpyHtoDAsync"));
    /* Pageable memory is staged: the program may change it as soon as the call returns. */
    auto *begin = static_cast<const unsigned char *>(from);
    auto staged = std::make_shared<std::vector<unsigned char>>(begin, begin + bytes);
    return submit(stream,
                  [=] { return write_device(to, staged->data(), bytes, "cuMemcpyHtoDAsync")(); });
}

API cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, std::size_t bytes, CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_device_range(from, bytes, "cuMemcpyDtoHAsync"));
    Work work = read_device(to, from, bytes, "cuMemcpyDtoHAsync");
    /* To pageable memory the call returns only when the copy is done. */
    if (!page_locked(to) && !stream->capture)
        return submit_and_wait(stream, std::move(work));
    return submit(stream, std::move(work));
}

API cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes)
{
    return copy_device(to, from, bytes, nullptr, "cuMemcpyDtoD");
}

API cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream)
{
    return copy_device(to, from, bytes, stream, "cuMemcpyDtoDAsync");
}

API cuMemcpyPeer(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, std::size_t bytes)
{
    ENTER_CONTEXT();
    /* Ordered after the work of both devices. */
    for (Context *one : contexts)
        RETURN_IF_FAILED(drain_context(one));
    return copy_device(to, from, bytes, nullptr, "cuMemcpyPeer");
}

API cuMemcpyPeerAsync(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, std::size_t bytes,
                      CUstream stream)
{
    return copy_device(to, from, bytes, stream, "cuMemcpyPeerAsync");
}

API cuMemcpy(CUdeviceptr to, CUdeviceptr from, std::size_t bytes)
{
    ENTER();
    bool to_device = find_allocation(to), from_device = find_allocation(from);
    if (to_device && from_device)
        return cuMemcpyDtoD_v2(to, from, bytes);
    if (to_device)
        return cuMemcpyHtoD_v2(to, pointer(from), bytes);
    return cuMemcpyDtoH_v2(pointer(to), from, bytes);
}

API cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream)
{
    ENTER();
    bool to_device = find_allocation(to), from_device = find_allocation(from);
    if (to_device && from_device)
        return cuMemcpyDtoDAsync_v2(to, from, bytes, stream);
    if (to_device)
        return cuMemcpyHtoDAsync_v2(to, pointer(from), bytes, stream);
    return cuMemcpyDtoHAsync_v2(pointer(to), from, bytes, stream);
}

API cuMemcpy2D_v2(const CUDA_MEMCPY2D *copy) { return copy_rows(as_3d(*copy), nullptr, true); }

API cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *copy) { return cuMemcpy2D_v2(copy); }

API cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    return copy_rows(as_3d(*copy), stream, false);
}

API cuMemcpy3D_v2(const CUDA_MEMCPY3D *copy) { return copy_rows(*copy, nullptr, true); }

API cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return copy_rows(*copy, stream, false);
}

API cuMemcpy3DPeer(const CUDA_MEMCPY3D *copy) { return copy_rows(*copy, nullptr, true); }

API cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return copy_rows(*copy, stream, false);
}

#define MEMSET(bits, type) \
    API cuMemsetD##bits##_v2(CUdeviceptr to, type value, std::size_t count) \
    { \
        return fill(to, 0, value, bits / 8, count, 1, nullptr, "cuMemsetD" #bits); \
    } \
    API cuMemsetD##bits##Async(CUdeviceptr to, type value, std::size_t count, CUstream stream) \
    { \
        return fill(to, 0, value, bits / 8, count, 1, stream, "cuMemsetD" #bits "Async"); \
    } \
    API cuMemsetD2D##bits##_v2(CUdeviceptr to, std::size_t pitch, type value, std::size_t width, \
                               std::size_t height) \
    { \
        return fill(to, pitch, value, bits / 8, width, height, nullptr, "cuMemsetD2D" #bits); \
    } \
    API cuMemsetD2D##bits##Async(CUdeviceptr to, std::size_t pitch, type value, std::size_t width, \
                                 std::size_t height, CUstream stream) \
    { \
        return fill(to, pitch, value, bits / 8, width, height, stream, \
                    "cuMemsetD2D" #bits "Async"); \
    }

MEMSET(8, unsigned char)
MEMSET(16, unsigned short)
MEMSET(32, unsigned)
