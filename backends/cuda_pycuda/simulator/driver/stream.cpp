/*
 * Streams. Usually work is done when it is submitted. In deferred mode it waits until
 * somebody waits for it, so that a program which forgets to wait sees what it would see on a GPU
 * that is busy.
 */
#include "simulator.h"

#include <algorithm>

namespace corexsim
{

namespace
{

std::map<Stream *, std::shared_ptr<Stream>> streams;
std::uint64_t stream_ids = 0;

bool blocking(const Stream &stream) { return !(stream.flags & CU_STREAM_NON_BLOCKING); }

/* What the default stream's rules make this work wait for: all before it, of blocking streams. */
void add_legacy_edges(const Stream &stream, Operation &operation)
{
    if (stream.legacy) {
        for (auto &entry : streams)
            if (entry.second->context == stream.context && blocking(*entry.second))
                operation.follows.emplace_back(entry.second, entry.second->submitted);
    } else if (blocking(stream)) {
        const std::shared_ptr<Stream> &legacy = stream.context->legacy;
        operation.follows.emplace_back(legacy, legacy->submitted);
    }
}

} // namespace

CUresult enqueue(const std::shared_ptr<Stream> &stream, Operation operation)
{
    if (config.deferred)
        add_legacy_edges(*stream, operation);
    stream->queue.push_back(std::move(operation));
    stream->submitted++;
    return config.deferred ? CUDA_SUCCESS : drain(stream, stream->submitted);
}

CUresult find_stream(CUstream handle, Context *context, std::shared_ptr<Stream> &stream)
{
    if (reinterpret_cast<std::uintptr_t>(handle) <= 2) { /* default, legacy, per thread */
        stream = context->legacy;
        return CUDA_SUCCESS;
    }
    auto found = streams.find(handle);
    if (found == streams.end())
        return fail(CUDA_ERROR_INVALID_HANDLE, "the stream does not exist (any more)");
    if (found->second->context != context)
        return fail(CUDA_ERROR_INVALID_HANDLE,
                    "the stream belongs to a context of device %d, current is one of device %d",
                    found->second->context->device, context->device);
    stream = found->second;
    return CUDA_SUCCESS;
}

namespace
{

CUresult first_of(CUresult before, CUresult now) { return before == CUDA_SUCCESS ? now : before; }

/* Does the first work of a queue, after what it has to wait for. */
CUresult run_one(const std::shared_ptr<Stream> &stream)
{
    CUresult result = CUDA_SUCCESS;
    Operation operation = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->running = true;
    for (auto &edge : operation.follows)
        result = first_of(result, drain(edge.first, edge.second));
    for (auto &mark : operation.after)
        if (!mark->reached && mark->stream)
            result = first_of(result, drain(mark->stream, mark->position));
    if (operation.work)
        result = first_of(result, operation.work());
    stream->done++;
    stream->running = false;
    return result;
}

/* Streams that nothing orders may run in any order. */
std::vector<std::shared_ptr<Stream>> ordered_streams(Context *context)
{
    std::vector<std::shared_ptr<Stream>> all;
    for (auto &entry : streams)
        if (entry.second->context == context)
            all.push_back(entry.second);
    std::sort(all.begin(), all.end(), [](auto &a, auto &b) {
        return config.order == Order::DESCENDING ? a->id > b->id : a->id < b->id;
    });
    return all;
}

/* One piece of work of each stream but `one`, if streams take turns; whether there was any. */
bool others_turn(Context *context, const Stream *one, CUresult &result)
{
    static bool within = false; /* what has to be waited for is done at once */
    bool any = false;
    if (!config.interleaved || within)
        return any;
    within = true;
    for (auto &stream : ordered_streams(context)) {
        if (stream.get() == one || stream->queue.empty() || stream->running)
            continue;
        result = first_of(result, run_one(stream));
        any = true;
    }
    within = false;
    return any;
}

} // namespace

CUresult drain(std::shared_ptr<Stream> stream, std::uint64_t until)
{
    CUresult result = CUDA_SUCCESS;
    while (stream->done < until && !stream->queue.empty()) {
        others_turn(stream->context, stream.get(), result);
        if (!stream->queue.empty()) /* else it was drained on behalf of another */
            result = first_of(result, run_one(stream));
    }
    return result;
}

CUresult drain_context(Context *context)
{
    CUresult result = drain(context->legacy, context->legacy->submitted);
    while (others_turn(context, nullptr, result))
        ;
    for (auto &stream : ordered_streams(context))
        result = first_of(result, drain(stream, stream->submitted));
    return result;
}

CUresult submit(const std::shared_ptr<Stream> &stream, Work work)
{
    if (stream->capture) {
        stream->capture->nodes.push_back(std::move(work));
        stream->capture->streams.insert(stream.get()); /* again, if it was joined before */
        return CUDA_SUCCESS;
    }
    if (blocking(*stream) && stream->legacy)
        for (auto &entry : streams)
            if (entry.second->capture && entry.second->context == stream->context &&
                blocking(*entry.second)) {
                entry.second->capture->invalid = true;
                return fail(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                            "work of the default stream while a blocking stream is captured");
            }
    if (!config.deferred && stream->queue.empty())
        return work();
    return enqueue(stream, {std::move(work), {}, {}});
}

CUresult check_stream_not_capturing(const Stream &stream, const char *routine)
{
    if (!stream.capture)
        return CUDA_SUCCESS;
    stream.capture->invalid = true;
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "%s on a stream that is captured", routine);
}

int &capture_mode()
{
    static thread_local int mode = 0;
    return mode;
}

/* A relaxed capture or thread may do everything; so may the others beside a thread-local capture.
 */
CUresult check_not_capturing(Context *context, const char *routine)
{
    for (auto &entry : streams) {
        const Graph *graph = entry.second->capture;
        if (!graph || entry.second->context != context || graph->mode == 2 || capture_mode() == 2)
            continue;
        if (graph->mode == 0 || graph->thread == std::this_thread::get_id())
            return check_stream_not_capturing(*entry.second, routine);
    }
    return CUDA_SUCCESS;
}

void end_capture(Graph *graph)
{
    for (auto &entry : streams)
        if (entry.second->capture == graph) {
            entry.second->capture = nullptr;
            entry.second->origin = false;
        }
}

void forget_streams(Context *context)
{
    for (auto entry = streams.begin(); entry != streams.end();)
        entry = entry->second->context == context ? streams.erase(entry) : std::next(entry);
    forget_events(context);
}

} // namespace corexsim

using namespace corexsim;

API cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
    ENTER_CONTEXT();
    auto made = std::make_shared<Stream>();
    made->context = context;
    made->flags = flags;
    made->priority = priority;
    made->id = ++stream_ids;
    streams[made.get()] = made;
    *stream = made.get();
    return CUDA_SUCCESS;
}

API cuStreamCreate(CUstream *stream, unsigned flags)
{
    return cuStreamCreateWithPriority(stream, flags, 0);
}

API cuStreamDestroy_v2(CUstream handle)
{
    ENTER();
    auto found = streams.find(handle);
    if (found == streams.end())
        return fail(CUDA_ERROR_INVALID_HANDLE, "cuStreamDestroy: the stream does not exist");
    std::shared_ptr<Stream> stream = found->second;
    if (stream->capture)
        stream->capture->invalid = true;
    CUresult result = drain(stream, stream->submitted);
    streams.erase(stream.get());
    return result;
}

API cuStreamSynchronize(CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "cuStreamSynchronize"));
    counters[SYNCHRONIZATIONS]++;
    /* Waiting for the default stream is waiting for all that it waits for. */
    if (stream->legacy && config.deferred)
        RETURN_IF_FAILED(submit(stream, [] { return CUDA_SUCCESS; }));
    return drain(stream, stream->submitted);
}

API cuCtxSynchronize()
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(check_not_capturing(context, "cuCtxSynchronize"));
    counters[SYNCHRONIZATIONS]++;
    return drain_context(context);
}

API cuStreamQuery(CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "cuStreamQuery"));
    if (stream->done == stream->submitted)
        return CUDA_SUCCESS;
    /* It was not ready when asked; who asks again will find it done. */
    CUresult result = drain(stream, stream->submitted);
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
}

API cuStreamGetFlags(CUstream handle, unsigned *flags)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    *flags = stream->flags;
    return CUDA_SUCCESS;
}

API cuStreamGetPriority(CUstream handle, int *priority)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    *priority = stream->priority;
    return CUDA_SUCCESS;
}

API cuStreamGetCtx(CUstream handle, CUcontext *out)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    *out = stream->context;
    return CUDA_SUCCESS;
}

API cuLaunchHostFunc(CUstream handle, void (*function)(void *), void *data)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    return submit(stream, [=] {
        function(data);
        return CUDA_SUCCESS;
    });
}
