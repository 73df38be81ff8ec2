/* Configuration, errors, counters, and the interface for the Python side. */
#include "simulator.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace corexsim
{

Config config;
std::uint64_t counters[COUNTERS];
std::recursive_mutex driver_lock;

namespace
{

thread_local std::string last_words;
thread_local CUresult last_code = CUDA_SUCCESS;
std::string last_diagnostic; /* of any thread, for the Python side */

struct ErrorText {
    CUresult code;
    const char *name, *text;
};

#define ERROR_TEXT(name, text) {CUDA_##name, "CUDA_" #name, text}

const ErrorText ERROR_TEXTS[] = {
    ERROR_TEXT(SUCCESS, "no error"),
    ERROR_TEXT(ERROR_INVALID_VALUE, "invalid argument"),
    ERROR_TEXT(ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR_TEXT(ERROR_NOT_INITIALIZED, "initialization error"),
    ERROR_TEXT(ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ERROR_TEXT(ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERROR_TEXT(ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERROR_TEXT(ERROR_INVALID_CONTEXT, "invalid device context"),
    ERROR_TEXT(ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for the device"),
    ERROR_TEXT(ERROR_UNSUPPORTED_LIMIT, "limit is not supported"),
    ERROR_TEXT(ERROR_PEER_ACCESS_UNSUPPORTED, "peer access is not supported"),
    ERROR_TEXT(ERROR_FILE_NOT_FOUND, "file not found"),
    ERROR_TEXT(ERROR_SHARED_OBJECT_INIT_FAILED, "shared object initialization failed"),
    ERROR_TEXT(ERROR_OPERATING_SYSTEM, "OS call failed"),
    ERROR_TEXT(ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERROR_TEXT(ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
    ERROR_TEXT(ERROR_NOT_FOUND, "named symbol not found"),
    ERROR_TEXT(ERROR_NOT_READY, "device not ready"),
    ERROR_TEXT(ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ERROR_TEXT(ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ERROR_TEXT(ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
    ERROR_TEXT(ERROR_PEER_ACCESS_ALREADY_ENABLED, "peer access is already enabled"),
    ERROR_TEXT(ERROR_PEER_ACCESS_NOT_ENABLED, "peer access has not been enabled"),
    ERROR_TEXT(ERROR_PRIMARY_CONTEXT_ACTIVE, "the primary context is active"),
    ERROR_TEXT(ERROR_ASSERT, "device-side assert triggered"),
    ERROR_TEXT(ERROR_HOST_MEMORY_ALREADY_REGISTERED, "host memory is already registered"),
    ERROR_TEXT(ERROR_HOST_MEMORY_NOT_REGISTERED, "host memory is not registered"),
    ERROR_TEXT(ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    ERROR_TEXT(ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ERROR_TEXT(ERROR_NOT_SUPPORTED, "operation not supported"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_UNSUPPORTED, "not permitted while a stream is captured"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_INVALIDATED, "the capture was invalidated by an error"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_MERGE, "two captures would have been merged"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_UNMATCHED, "the capture did not begin in this stream"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_UNJOINED, "a forked stream was not joined in the capture"),
    ERROR_TEXT(ERROR_STREAM_CAPTURE_IMPLICIT, "would depend on a capturing stream implicitly"),
    ERROR_TEXT(ERROR_CAPTURED_EVENT, "the event was last recorded in a capturing stream"),
};

const ErrorText *find_error(CUresult code)
{
    for (const ErrorText &entry : ERROR_TEXTS)
        if (entry.code == code)
            return &entry;
    return nullptr;
}

const char *setting(const char *name)
{
    const char *value = std::getenv((std::string("COREX_CUDA_SIM_") + name).c_str());
    return value && *value ? value : nullptr;
}

bool flag(const char *name, bool otherwise)
{
    const char *value = setting(name);
    return value ? std::strcmp(value, "0") != 0 : otherwise;
}

/* A number of bytes: 123, 64K, 512M, 4G. */
std::size_t bytes_of(const char *text)
{
    char *end = nullptr;
    double number = std::strtod(text, &end);
    switch (*end) {
    case 'k':
    case 'K': number *= 1 << 10; break;
    case 'm':
    case 'M': number *= 1 << 20; break;
    case 'g':
    case 'G': number *= 1 << 30; break;
    }
    return static_cast<std::size_t>(number);
}

bool parse_order(const char *text, unsigned seed)
{
    std::string word(text);
    std::size_t colon = word.find(':'); /* shuffled:7 */
    if (colon != std::string::npos) {
        seed = static_cast<unsigned>(std::strtoul(word.c_str() + colon + 1, nullptr, 10));
        word.resize(colon);
    }
    if (word == "ascending")
        config.order = Order::ASCENDING;
    else if (word == "descending")
        config.order = Order::DESCENDING;
    else if (word == "shuffled")
        config.order = Order::SHUFFLED;
    else
        return false;
    config.seed = seed;
    return true;
}

__attribute__((constructor)) void read_environment()
{
    if (const char *value = setting("DEVICES"))
        config.devices = std::atoi(value);
    if (const char *value = setting("MEMORY"))
        config.memory = bytes_of(value);
    if (const char *value = setting("STACK"))
        config.stack_bytes = bytes_of(value);
    if (const char *value = setting("ALIGN"))
        config.alignment = bytes_of(value);
    if (const char *value = setting("TIMEOUT"))
        config.timeout = std::atof(value);
    if (const char *value = setting("ORDER"))
        if (!parse_order(value, 0))
            std::fprintf(stderr,
                         "CUDA simulator: COREX_CUDA_SIM_ORDER=%s is none of ascending, "
                         "descending, shuffled, shuffled:SEED\n",
                         value);
    config.deferred = flag("DEFERRED", false);
    config.interleaved = flag("INTERLEAVED", false);
    config.guard = flag("GUARD", true);
    config.allow_exited = flag("ALLOW_EXITED", false);
    config.verbose = flag("VERBOSE", false);
    /* Alignments that are no power of two or exceed a page have no meaning. */
    if (config.alignment == 0 || config.alignment > 4096 ||
        (config.alignment & (config.alignment - 1)) != 0)
        config.alignment = 16;
}

} // namespace

CUresult fail(CUresult code, const char *format, ...)
{
    char words[2048];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    last_words = words;
    last_code = code;
    last_diagnostic = words;
    counters[ERRORS]++;
    if (config.verbose)
        std::fprintf(stderr, "CUDA simulator: %s: %s\n", error_name(code), words);
    return code;
}

const char *error_name(CUresult code)
{
    const ErrorText *entry = find_error(code);
    return entry ? entry->name : "CUDA_ERROR_UNKNOWN";
}

const char *error_text(CUresult code)
{
    const ErrorText *entry = find_error(code);
    return entry ? entry->text : "unknown error";
}

} // namespace corexsim

using namespace corexsim;

API cuGetErrorName(CUresult code, const char **name)
{
    *name = error_name(code);
    return find_error(code) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Programs put this text into their exceptions, so it says what exactly was wrong. */
API cuGetErrorString(CUresult code, const char **text)
{
    static thread_local std::string full;
    *text = error_text(code);
    if (code == last_code && !last_words.empty()) {
        full = std::string(error_text(code)) + ": " + last_words;
        *text = full.c_str();
    }
    return find_error(code) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* For the stubs of everything that is not simulated. */
extern "C" CUresult corexsim_not_simulated(const char *routine)
{
    return fail(CUDA_ERROR_NOT_SUPPORTED, "%s is not simulated", routine);
}

#define PYTHON extern "C" __attribute__((visibility("default")))

PYTHON void corexsim_counters(std::uint64_t *out, int reset)
{
    ENTER();
    std::memcpy(out, counters, sizeof(counters));
    if (reset)
        std::memset(counters, 0, sizeof(counters));
}

PYTHON int corexsim_counter_count() { return COUNTERS; }

PYTHON std::size_t corexsim_allocated(int device)
{
    ENTER();
    return allocated_bytes(device);
}

PYTHON int corexsim_set_order(const char *order, unsigned seed)
{
    ENTER();
    return parse_order(order, seed);
}

PYTHON int corexsim_set_deferred(int deferred)
{
    ENTER();
    bool before = config.deferred;
    config.deferred = deferred != 0;
    return before;
}

/* Copies at most `size` bytes with the end mark; the diagnostic's length. */
PYTHON std::size_t corexsim_diagnostic(char *out, std::size_t size)
{
    ENTER();
    if (size)
        std::snprintf(out, size, "%s", last_diagnostic.c_str());
    return last_diagnostic.size();
}
