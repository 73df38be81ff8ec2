/*
 * Memory between guard pages. An allocation ends where a page that may not be touched begins, and
 * what was freed may not be touched either, so the first wrong access of a kernel is found by the
 * processor. Fresh memory is all ones: NaN as a float, -1 as an integer.
 */
#include "simulator.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace corexsim
{

namespace
{

constexpr std::size_t MAX_GUARDED = 20000; /* a process may have 65530 mappings, two for each */
constexpr std::size_t MAX_FREED = 2000;
constexpr std::size_t FAR = 1 << 20; /* an address so far away is not blamed on an allocation */
constexpr std::uint32_t SLACK = 0xFFFFFFFD; /* a NaN too, but not what fresh memory has */

struct Freed {
    Allocation allocation;
    bool guarded;
};

std::map<std::uintptr_t, Allocation> live;  /* by address of the first byte */
std::map<std::uintptr_t, Allocation> freed; /* those whose addresses are still kept unusable */
std::deque<std::uintptr_t> freed_order;
std::map<int, std::size_t> used;
std::uint64_t serials = 0;

std::size_t round_up(std::size_t bytes, std::size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

bool counts(Kind kind) { return kind == Kind::DEVICE || kind == Kind::MANAGED; }

void fill_slack(unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++)
        *from =
            static_cast<unsigned char>(SLACK >> (reinterpret_cast<std::uintptr_t>(from) % 4 * 8));
}

bool slack_intact(const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++)
        if (*from !=
            static_cast<unsigned char>(SLACK >> (reinterpret_cast<std::uintptr_t>(from) % 4 * 8)))
            return false;
    return true;
}

bool guarded(const Allocation &allocation) { return allocation.map && allocation.map_bytes; }

void discard(const Allocation &allocation)
{
    if (guarded(allocation))
        munmap(allocation.map, allocation.map_bytes);
    else
        std::free(allocation.map);
}

void bury(const Allocation &allocation)
{
    if (!guarded(allocation)) {
        std::memset(allocation.map, 0xFF, allocation.bytes);
        discard(allocation);
        return;
    }
    /* Gives the pages back and keeps the addresses. */
    mmap(allocation.map, allocation.map_bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    freed.emplace(allocation.begin, allocation);
    freed_order.push_back(allocation.begin);
    if (freed_order.size() > MAX_FREED) {
        auto oldest = freed.find(freed_order.front());
        freed_order.pop_front();
        discard(oldest->second);
        freed.erase(oldest);
    }
}

/* How far the address is from the allocation; 0 inside, and at its end. */
std::size_t distance(const Allocation &allocation, std::uintptr_t address)
{
    if (address < allocation.begin)
        return allocation.begin - address;
    std::uintptr_t end = allocation.begin + allocation.bytes;
    return address > end ? address - end : 0;
}

/* The nearest allocation, at most `farthest` bytes away. */
Allocation *find_in(std::map<std::uintptr_t, Allocation> &among, std::uintptr_t address,
                    std::size_t farthest)
{
    auto after = among.upper_bound(address);
    Allocation *best = after == among.end() ? nullptr : &after->second;
    if (after != among.begin()) {
        Allocation *other = &std::prev(after)->second;
        if (!best || distance(*other, address) <= distance(*best, address))
            best = other;
    }
    return best && distance(*best, address) <= farthest ? best : nullptr;
}

const char *kind_name(Kind kind)
{
    switch (kind) {
    case Kind::DEVICE: return "device allocation";
    case Kind::HOST: return "page-locked host allocation";
    case Kind::REGISTERED: return "registered host range";
    case Kind::MANAGED: return "managed allocation";
    case Kind::GLOBAL: return "module variable";
    }
    return "allocation";
}

} // namespace

Allocation *allocate(std::size_t bytes, Kind kind, int device, Pool *pool)
{
    if (counts(kind) && bytes > config.memory - std::min(config.memory, used[device])) {
        fail(CUDA_ERROR_OUT_OF_MEMORY, "%zu bytes asked for, %zu of %zu are in use", bytes,
             used[device], config.memory);
        return nullptr;
    }
    Allocation made{0, bytes, kind, device, ++serials, 0, pool, nullptr, 0};
    if (config.guard && live.size() < MAX_GUARDED) {
        std::size_t space = round_up(bytes, config.alignment);
        std::size_t middle = round_up(space, PAGE);
        made.map_bytes = middle + 2 * PAGE;
        made.map = mmap(nullptr, made.map_bytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (made.map == MAP_FAILED) {
            fail(CUDA_ERROR_OUT_OF_MEMORY, "the host has no %zu bytes", bytes);
            return nullptr;
        }
        auto *first = static_cast<unsigned char *>(made.map) + PAGE;
        mprotect(first, middle, PROT_READ | PROT_WRITE);
        auto *begin = first + middle - space;
        fill_slack(first, begin);
        std::memset(begin, 0xFF, bytes);
        fill_slack(begin + bytes, begin + space);
        made.begin = reinterpret_cast<std::uintptr_t>(begin);
    } else {
        made.map = std::aligned_alloc(256, round_up(bytes + 1, 256));
        if (!made.map) {
            fail(CUDA_ERROR_OUT_OF_MEMORY, "the host has no %zu bytes", bytes);
            return nullptr;
        }
        std::memset(made.map, 0xFF, bytes);
        made.begin = reinterpret_cast<std::uintptr_t>(made.map);
    }
    if (counts(kind))
        used[device] += bytes;
    if (pool) {
        pool->used += bytes;
        pool->used_high = std::max(pool->used_high, pool->used);
    }
    counters[ALLOCATIONS]++;
    return &live.emplace(made.begin, made).first->second;
}

CUresult check_slack(const Allocation &allocation, const char *who)
{
    if (!guarded(allocation))
        return CUDA_SUCCESS;
    auto *first = static_cast<unsigned char *>(allocation.map) + PAGE;
    auto *last = static_cast<unsigned char *>(allocation.map) + allocation.map_bytes - PAGE;
    auto *begin = reinterpret_cast<unsigned char *>(allocation.begin);
    bool before = slack_intact(first, begin);
    bool after = slack_intact(begin + allocation.bytes, last);
    if (before && after)
        return CUDA_SUCCESS;
    /* Said once: the next who asks finds it mended. */
    fill_slack(first, begin);
    fill_slack(begin + allocation.bytes, last);
    if (!who)
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    return fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s: somebody wrote %s %s", who,
                before ? "after the end of" : "before the beginning of",
                describe_address(allocation.begin).c_str());
}

CUresult release(std::uintptr_t address, const char *routine, bool host)
{
    auto found = live.find(address);
    if (found == live.end()) {
        if (freed.count(address))
            return fail(CUDA_ERROR_INVALID_VALUE, "%s: %s was freed before", routine,
                        describe_address(address).c_str());
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: 0x%zx is not an address that was allocated: %s",
                    routine, address, describe_address(address).c_str());
    }
    Allocation gone = found->second;
    if (host ? gone.kind != Kind::HOST : !counts(gone.kind))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: 0x%zx is a %s", routine, address,
                    kind_name(gone.kind));
    CUresult result = check_slack(gone, routine);
    live.erase(found);
    if (counts(gone.kind))
        used[gone.device] -= gone.bytes;
    if (gone.pool)
        gone.pool->used -= gone.bytes;
    counters[FREES]++;
    bury(gone);
    return result;
}

void forget_allocations(int device, Kind kind)
{
    std::vector<std::uintptr_t> addresses;
    for (auto &entry : live)
        if (entry.second.device == device && entry.second.kind == kind)
            addresses.push_back(entry.first);
    for (std::uintptr_t address : addresses)
        release(address, "context destroyed", kind == Kind::HOST);
}

void add_region(void *begin, std::size_t bytes, Kind kind, int device)
{
    auto address = reinterpret_cast<std::uintptr_t>(begin);
    live.emplace(address,
                 Allocation{address, bytes, kind, device, ++serials, 0, nullptr, nullptr, 0});
}

void remove_region(void *begin) { live.erase(reinterpret_cast<std::uintptr_t>(begin)); }

Allocation *find_allocation(std::uintptr_t address) { return find_in(live, address, 0); }

std::string describe_address(std::uintptr_t address)
{
    char text[256];
    Allocation *near = find_in(live, address, FAR);
    Allocation *other = find_in(freed, address, FAR);
    bool gone = other && (!near || distance(*other, address) < distance(*near, address));
    near = gone ? other : near;
    if (!near) {
        std::snprintf(text, sizeof(text), "0x%zx, %s", address,
                      address < FAR ? "a null pointer" : "which belongs to no allocation");
        return text;
    }
    std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(address - near->begin);
    auto bytes = static_cast<std::ptrdiff_t>(near->bytes);
    char where[64];
    if (offset < 0)
        std::snprintf(where, sizeof(where), "%td bytes before the beginning of", -offset);
    else if (offset >= bytes)
        std::snprintf(where, sizeof(where), "%td bytes after the end of", offset - bytes);
    else
        std::snprintf(where, sizeof(where), "byte %td of", offset);
    std::snprintf(text, sizeof(text), "0x%zx, %s the %s%s of %zu bytes at 0x%zx (number %llu)",
                  address, where, gone ? "freed " : "", kind_name(near->kind), near->bytes,
                  near->begin, static_cast<unsigned long long>(near->serial));
    return text;
}

bool is_host_memory(std::uintptr_t address)
{
    if (find_in(live, address, PAGE) || find_in(freed, address, PAGE))
        return false;
    unsigned char resident;
    return mincore(reinterpret_cast<void *>(address / PAGE * PAGE), PAGE, &resident) == 0 ||
           errno != ENOMEM;
}

CUresult check_device_range(CUdeviceptr address, std::size_t bytes, const char *routine)
{
    if (bytes == 0)
        return CUDA_SUCCESS;
    Allocation *found = find_allocation(address);
    if (found && address + bytes <= found->begin + found->bytes)
        return CUDA_SUCCESS;
    return fail(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes at %s", routine, bytes,
                describe_address(address).c_str());
}

std::size_t allocated_bytes(int device) { return used[device]; }

} // namespace corexsim
