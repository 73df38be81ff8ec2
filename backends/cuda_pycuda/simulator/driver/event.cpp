/* Events: marks in streams, which others wait for. */
#include "simulator.h"

#include <chrono>

namespace corexsim
{

namespace
{

std::set<Event *> events;

double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

void forget_events(Context *context)
{
    for (auto event = events.begin(); event != events.end();) {
        if ((*event)->context == context) {
            delete *event;
            event = events.erase(event);
        } else {
            ++event;
        }
    }
}

} // namespace corexsim

using namespace corexsim;

namespace
{

CUresult find_event(CUevent event, const char *routine)
{
    if (!events.count(event))
        return fail(CUDA_ERROR_INVALID_HANDLE, "%s: the event does not exist (any more)", routine);
    return CUDA_SUCCESS;
}

CUresult check_recorded(const Event &event, const char *routine)
{
    if (event.mark && event.mark->capture)
        return fail(CUDA_ERROR_CAPTURED_EVENT, "%s", routine);
    return CUDA_SUCCESS;
}

} // namespace

API cuEventCreate(CUevent *event, unsigned flags)
{
    ENTER_CONTEXT();
    *event = new Event{context, flags, nullptr};
    events.insert(*event);
    return CUDA_SUCCESS;
}

API cuEventDestroy_v2(CUevent event)
{
    ENTER();
    RETURN_IF_FAILED(find_event(event, "cuEventDestroy"));
    events.erase(event);
    delete event;
    return CUDA_SUCCESS;
}

API cuEventRecord(CUevent event, CUstream handle)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(find_event(event, "cuEventRecord"));
    if (event->context != context)
        return fail(CUDA_ERROR_INVALID_HANDLE, "cuEventRecord: the event is of another context");
    auto mark = std::make_shared<Mark>();
    mark->stream = stream;
    mark->capture = stream->capture;
    mark->position = stream->submitted + 1;
    event->mark = mark;
    if (stream->capture) {
        stream->capture->streams.insert(stream.get());
        return CUDA_SUCCESS;
    }
    return submit(stream, [mark] {
        mark->reached = true;
        mark->seconds = now();
        mark->stream.reset(); /* or stream and mark would keep each other */
        return CUDA_SUCCESS;
    });
}

API cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned)
{
    return cuEventRecord(event, stream);
}

API cuEventQuery(CUevent event)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(find_event(event, "cuEventQuery"));
    RETURN_IF_FAILED(check_recorded(*event, "cuEventQuery"));
    RETURN_IF_FAILED(check_not_capturing(context, "cuEventQuery"));
    std::shared_ptr<Mark> mark = event->mark;
    if (!mark || mark->reached)
        return CUDA_SUCCESS;
    CUresult result = drain(mark->stream, mark->position);
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
}

API cuEventSynchronize(CUevent event)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(find_event(event, "cuEventSynchronize"));
    RETURN_IF_FAILED(check_recorded(*event, "cuEventSynchronize"));
    counters[SYNCHRONIZATIONS]++;
    std::shared_ptr<Mark> mark = event->mark;
    if (!mark || mark->reached)
        return CUDA_SUCCESS;
    std::shared_ptr<Stream> stream = mark->stream;
    return drain(stream, mark->position);
}

API cuEventElapsedTime_v2(float *milliseconds, CUevent start, CUevent end)
{
    ENTER();
    for (CUevent event : {start, end}) {
        RETURN_IF_FAILED(find_event(event, "cuEventElapsedTime"));
        if (!event->mark || (event->flags & CU_EVENT_DISABLE_TIMING))
            return fail(CUDA_ERROR_INVALID_HANDLE, "cuEventElapsedTime: an event without a time");
        if (!event->mark->reached)
            return fail(CUDA_ERROR_NOT_READY, "cuEventElapsedTime: work is not done yet");
    }
    *milliseconds = static_cast<float>((end->mark->seconds - start->mark->seconds) * 1e3);
    return CUDA_SUCCESS;
}

API cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    return cuEventElapsedTime_v2(milliseconds, start, end);
}

API cuStreamWaitEvent(CUstream handle, CUevent event, unsigned)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    /* The event may belong to another device, the stream must be of the current context. */
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(find_event(event, "cuStreamWaitEvent"));
    const std::shared_ptr<Mark> &mark = event->mark;
    if (!mark)
        return CUDA_SUCCESS;
    if (mark->capture && mark->stream->capture != mark->capture)
        return fail(CUDA_ERROR_CAPTURED_EVENT, "cuStreamWaitEvent: the capture has ended");
    if (mark->capture && !stream->capture) {
        stream->capture = mark->capture; /* a fork: this stream is captured too */
        mark->capture->streams.insert(stream.get());
        return CUDA_SUCCESS;
    }
    if (stream->capture) {
        if (mark->capture == stream->capture) {
            /* A join: the nodes are kept in the order of the calls, which honours it. */
            if (mark->stream != stream && !mark->stream->origin)
                stream->capture->streams.erase(mark->stream.get());
            return CUDA_SUCCESS;
        }
        stream->capture->invalid = true;
        return fail(CUDA_ERROR_STREAM_CAPTURE_MERGE, "cuStreamWaitEvent");
    }
    if (mark->reached)
        return CUDA_SUCCESS;
    return enqueue(stream, {nullptr, {mark}, {}});
}
