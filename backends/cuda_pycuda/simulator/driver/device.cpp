/* Devices: as many as asked for, all of one kind. */
#include "simulator.h"

#include <cstdio>
#include <cstring>

namespace corexsim
{

bool initialized = false;

namespace
{

/* By the number of the attribute; what is not here is 0. */
const std::map<int, int> ATTRIBUTES = {
    {1, MAX_THREADS}, {2, 1024},    {3, 1024},        {4, 64},
    {5, 2147483647},  {6, 65535},   {7, 65535},       {8, MAX_SHARED},
    {9, 65536},       {10, WARP},   {11, 2147483647}, {12, 65536},
    {13, 1410000},    {14, 512},    {15, 1},          {16, MULTIPROCESSORS},
    {19, 1},          {21, 131072}, {22, 131072},     {23, 65536},
    {24, 16384},      {25, 16384},  {26, 16384},      {30, 512},
    {31, 1},          {34, 4},      {36, 1215000},    {37, 5120},
    {38, 41943040},   {39, 2048},   {40, 3},          {41, 1},
    {51, 32},         {75, 8},      {76, 0},          {78, 1},
    {79, 1},          {80, 1},      {81, 167936},     {82, 65536},
    {83, 1},          {87, 2},      {90, 1},          {97, MAX_SHARED_OPTIN},
    {99, 1},          {106, 32},    {111, 1024},      {115, 1},
    {129, 1},
};

} // namespace

bool valid_device(int device) { return device >= 0 && device < config.devices; }

CUresult check_device(int device)
{
    if (!initialized)
        return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
    if (!valid_device(device))
        return fail(CUDA_ERROR_INVALID_DEVICE, "device %d of %d", device, config.devices);
    return CUDA_SUCCESS;
}

} // namespace corexsim

using namespace corexsim;

API cuInit(unsigned flags)
{
    ENTER();
    if (flags)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuInit: flags must be 0");
    if (config.devices <= 0)
        return fail(CUDA_ERROR_NO_DEVICE, "COREX_CUDA_SIM_DEVICES is 0");
    initialized = true;
    return CUDA_SUCCESS;
}

API cuDriverGetVersion(int *version)
{
    *version = 13000;
    return CUDA_SUCCESS;
}

API cuDeviceGetCount(int *count)
{
    ENTER();
    if (!initialized)
        return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
    *count = config.devices;
    return CUDA_SUCCESS;
}

API cuDeviceGet(CUdevice *device, int ordinal)
{
    ENTER();
    RETURN_IF_FAILED(check_device(ordinal));
    *device = ordinal;
    return CUDA_SUCCESS;
}

API cuDeviceGetName(char *name, int length, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    std::snprintf(name, static_cast<std::size_t>(length), "CUDA simulator (sm_80)");
    return CUDA_SUCCESS;
}

API cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    auto found = ATTRIBUTES.find(attribute);
    *value = found == ATTRIBUTES.end() ? 0 : found->second;
    if (attribute == 33) /* the PCI bus tells devices apart */
        *value = device + 1;
    return CUDA_SUCCESS;
}

API cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    *major = 8;
    *minor = 0;
    return CUDA_SUCCESS;
}

API cuDeviceTotalMem_v2(std::size_t *bytes, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    *bytes = config.memory;
    return CUDA_SUCCESS;
}

API cuDeviceGetPCIBusId(char *text, int length, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    std::snprintf(text, static_cast<std::size_t>(length), "0000:%02X:04.0", device + 1);
    return CUDA_SUCCESS;
}

API cuDeviceGetByPCIBusId(CUdevice *device, const char *text)
{
    ENTER();
    unsigned domain, bus, slot;
    if (std::sscanf(text, "%x:%x:%x", &domain, &bus, &slot) != 3)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetByPCIBusId: '%s'", text);
    RETURN_IF_FAILED(check_device(static_cast<int>(bus) - 1));
    *device = static_cast<int>(bus) - 1;
    return CUDA_SUCCESS;
}

API cuDeviceGetUuid(unsigned char *uuid, CUdevice device)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    std::memset(uuid, 0, 16);
    std::memcpy(uuid, "corex-cuda-sim", 14);
    uuid[15] = static_cast<unsigned char>(device);
    return CUDA_SUCCESS;
}

API cuDeviceGetUuid_v2(unsigned char *uuid, CUdevice device)
{
    return cuDeviceGetUuid(uuid, device);
}

API cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
    ENTER();
    RETURN_IF_FAILED(check_device(device));
    RETURN_IF_FAILED(check_device(peer));
    *can = device != peer;
    return CUDA_SUCCESS;
}
