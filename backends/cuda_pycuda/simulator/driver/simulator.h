/*
 * The inside of the simulated driver. One lock guards everything, also while kernels run: a
 * simulator that gives the same result twice is worth more than one that uses two cores.
 */
#ifndef COREXSIM_SIMULATOR_H
#define COREXSIM_SIMULATOR_H

#include "cuda_abi.h"
#include "corexsim/interface.h"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

namespace corexsim
{

/* Configuration, from the environment (COREX_CUDA_SIM_*) or set by the program. */

enum class Order { ASCENDING, DESCENDING, SHUFFLED };

struct Config {
    int devices = 1;
    std::size_t memory = std::size_t{4} << 30;
    Order order = Order::ASCENDING;
    unsigned seed = 0;
    bool deferred = false;
    bool interleaved = false; /* of deferred work, streams take turns */
    bool guard = true;
    std::size_t alignment = 16;
    bool allow_exited = false; /* __syncthreads after other threads have returned */
    double timeout = 100;      /* seconds a launch may take; 0: any */
    std::size_t stack_bytes = std::size_t{256} << 10;
    bool verbose = false;
};

extern Config config;

/* Errors: a code for the program, and in words what was wrong, which is kept for the program. */

CUresult fail(CUresult code, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *error_name(CUresult code);
const char *error_text(CUresult code);

#define RETURN_IF_FAILED(expression) \
    do { \
        CUresult result_ = (expression); \
        if (result_ != CUDA_SUCCESS) \
            return result_; \
    } while (0)

/* Counters, in the order in which the Python side names them. */

enum Counter {
    LAUNCHES,
    BLOCKS,
    HTOD_COPIES,
    HTOD_BYTES,
    DTOH_COPIES,
    DTOH_BYTES,
    DTOD_COPIES,
    DTOD_BYTES,
    MEMSETS,
    ALLOCATIONS,
    FREES,
    SYNCHRONIZATIONS,
    GRAPH_LAUNCHES,
    ERRORS,
    COUNTERS,
};

extern std::uint64_t counters[COUNTERS];

/* Devices and contexts. */

struct Stream;

struct Context {
    int device;
    bool primary;
    unsigned users = 1; /* of a primary context: retained so often; else: attached so often */
    unsigned flags = 0;
    std::shared_ptr<Stream> legacy; /* the default stream, handle 0 */
    std::set<Context *> peers;
    std::map<int, std::size_t> limits;
};

extern std::recursive_mutex driver_lock;
extern bool initialized;
extern std::set<Context *> contexts;

/* The context that is current in this thread, or null. */
Context *current_context();
CUresult check_context(Context *&context);
bool valid_device(int device);
CUresult check_device(int device);

/* Every entry point but the few that need no driver begins with one of these. */
#define ENTER() std::lock_guard<std::recursive_mutex> guard_(driver_lock)
#define ENTER_CONTEXT() \
    ENTER(); \
    Context *context = nullptr; \
    RETURN_IF_FAILED(check_context(context))

/* Memory: device addresses are host addresses. */

enum class Kind { DEVICE, HOST, REGISTERED, MANAGED, GLOBAL };

struct Allocation {
    std::uintptr_t begin;
    std::size_t bytes;
    Kind kind;
    int device;
    std::uint64_t serial;
    unsigned flags;
    Pool *pool;
    void *map; /* with the guards; null where the memory is not ours */
    std::size_t map_bytes;
};

struct Pool {
    int device;
    std::size_t used = 0, used_high = 0;
    std::map<int, std::uint64_t> attributes;
};

/* Null, after fail(), where there is no memory. */
Allocation *allocate(std::size_t bytes, Kind kind, int device, Pool *pool = nullptr);
CUresult release(std::uintptr_t address, const char *routine, bool host);
void forget_allocations(int device, Kind kind);
void add_region(void *begin, std::size_t bytes, Kind kind, int device);
void remove_region(void *begin);
/* The allocation that has this address, or ends at it. */
Allocation *find_allocation(std::uintptr_t address);
std::string describe_address(std::uintptr_t address);
/* Whether something is there that is not the device's. */
bool is_host_memory(std::uintptr_t address);
/* Whether the bytes that belong to nobody around the allocation are as they were; `who` may have
 * changed them. Mends them; without `who`, silently. */
CUresult check_slack(const Allocation &allocation, const char *who);
CUresult check_device_range(CUdeviceptr address, std::size_t bytes, const char *routine);
std::size_t allocated_bytes(int device);

/* Streams, events and graphs. */

using Work = std::function<CUresult()>;

/* One recording of an event: who waits for it keeps it, whatever becomes of the event. */
struct Mark {
    std::shared_ptr<Stream> stream;
    std::uint64_t position;
    bool reached = false;
    double seconds = 0;
    Graph *capture = nullptr;
};

struct Operation {
    Work work;
    std::vector<std::shared_ptr<Mark>> after;
    std::vector<std::pair<std::shared_ptr<Stream>, std::uint64_t>> follows;
};

struct Stream {
    Context *context;
    unsigned flags;
    int priority;
    bool legacy = false;
    std::uint64_t id;
    std::deque<Operation> queue;
    std::uint64_t submitted = 0, done = 0;
    Graph *capture = nullptr;
    bool origin = false;  /* where the capture began */
    bool running = false; /* its first work waits for others, or is being done */
};

struct Event {
    Context *context;
    unsigned flags;
    std::shared_ptr<Mark> mark; /* null: never recorded */
};

struct Graph {
    std::vector<Work> nodes;
    bool invalid = false;
    int mode = 0;
    std::thread::id thread; /* the one that captures */
    std::set<Stream *> streams;
};

struct GraphExec {
    std::vector<Work> nodes;
};

CUresult find_stream(CUstream handle, Context *context, std::shared_ptr<Stream> &stream);
/* Does the work now, queues it or records it, as the stream's state says. */
CUresult submit(const std::shared_ptr<Stream> &stream, Work work);
CUresult enqueue(const std::shared_ptr<Stream> &stream, Operation operation);
CUresult drain(std::shared_ptr<Stream> stream, std::uint64_t until);
CUresult drain_context(Context *context);
/* Refuses what may not happen while a stream of the context is captured. */
CUresult check_not_capturing(Context *context, const char *routine);
int &capture_mode(); /* of this thread: 0 global, 1 thread-local, 2 relaxed */
CUresult check_stream_not_capturing(const Stream &stream, const char *routine);
/* The streams of the capture go on as if nothing had been. */
void end_capture(Graph *graph);
void forget_streams(Context *context);
void forget_events(Context *context);

/* Modules and launches. */

struct SharedRange {
    std::size_t offset, bytes; /* from the beginning of the module's thread-local block */
};

struct Function {
    LoadedModule *module;
    const Kernel *kernel;
    std::vector<SharedRange> shared; /* all that it may use: poisoned before each block */
    std::size_t static_shared = 0;
    std::size_t max_dynamic_shared = 48 << 10;
    /* What the old interface sets before it launches. */
    Dim3 block;
    unsigned dynamic_shared = 0;
    std::vector<unsigned char> arguments;
};

struct LoadedModule {
    Context *context;
    void *handle;
    int file;
    const Module *info;
    std::ptrdiff_t anchor_offset = 0;
    std::vector<unsigned char> image;
    std::map<std::string, std::unique_ptr<Function>> functions;
    std::set<void *> globals;
};

void forget_modules(Context *context);
bool valid_function(const Function *function);

struct Launch {
    Function *function;
    Dim3 grid, block;
    unsigned dynamic_shared;
    std::vector<unsigned char> arguments;
};

/* Runs all blocks; the scheduler's error, with a diagnostic, if the kernel misbehaves. */
CUresult run_grid(const Launch &launch);

/* What the simulated GPU is like: one of compute capability 8.0. */
constexpr unsigned MAX_THREADS = 1024;
constexpr std::size_t MAX_SHARED = 48 << 10;
constexpr std::size_t MAX_SHARED_OPTIN = 163 << 10;
constexpr unsigned WARP = 32;
constexpr int MULTIPROCESSORS = 108;

constexpr std::size_t PAGE = 4096; /* of the host */

} // namespace corexsim

#endif
