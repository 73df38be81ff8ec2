/*
 * Graphs that come from capturing a stream: the work in the order of the calls, which honours every
 * edge between the streams of the capture. A launch of the graph is one piece of work of a stream.
 */
#include "simulator.h"

namespace corexsim
{

namespace
{

std::set<Graph *> graphs;
std::set<GraphExec *> graph_execs;

} // namespace

} // namespace corexsim

using namespace corexsim;

namespace
{

CUresult find_exec(CUgraphExec exec, const char *routine)
{
    if (!graph_execs.count(exec))
        return fail(CUDA_ERROR_INVALID_HANDLE, "%s: the graph does not exist (any more)", routine);
    return CUDA_SUCCESS;
}

CUresult find_graph(CUgraph graph, const char *routine)
{
    if (!graphs.count(graph))
        return fail(CUDA_ERROR_INVALID_HANDLE, "%s: the graph does not exist (any more)", routine);
    return CUDA_SUCCESS;
}

} // namespace

API cuStreamBeginCapture_v2(CUstream handle, int mode)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    if (stream->legacy)
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
    if (stream->capture)
        return fail(CUDA_ERROR_ILLEGAL_STATE, "the stream is captured already");
    stream->capture = new Graph;
    stream->capture->mode = mode;
    stream->capture->thread = std::this_thread::get_id();
    stream->capture->streams.insert(stream.get());
    stream->origin = true;
    graphs.insert(stream->capture);
    return CUDA_SUCCESS;
}

API cuStreamBeginCapture(CUstream stream) { return cuStreamBeginCapture_v2(stream, 0); }

API cuStreamEndCapture(CUstream handle, CUgraph *out)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    Graph *graph = stream->capture;
    *out = nullptr;
    if (!graph)
        return fail(CUDA_ERROR_ILLEGAL_STATE, "cuStreamEndCapture: the stream is not captured");
    if (!stream->origin)
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED,
                    "cuStreamEndCapture: the capture began in another stream");
    bool unjoined = graph->streams.size() > 1;
    end_capture(graph);
    if (graph->invalid || unjoined) {
        bool invalid = graph->invalid;
        graphs.erase(graph);
        delete graph;
        if (invalid)
            return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
                        "something was called that may not be called during a capture");
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                    "a stream that joined the capture was not waited for");
    }
    *out = graph;
    return CUDA_SUCCESS;
}

/* 0: not capturing, 1: capturing, 2: invalidated. */
API cuStreamIsCapturing(CUstream handle, int *status)
{
    ENTER_CONTEXT();
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
    return CUDA_SUCCESS;
}

API cuThreadExchangeStreamCaptureMode(int *mode)
{
    std::swap(capture_mode(), *mode);
    return CUDA_SUCCESS;
}

API cuGraphCreate(CUgraph *graph, unsigned)
{
    ENTER();
    *graph = new Graph;
    graphs.insert(*graph);
    return CUDA_SUCCESS;
}

API cuGraphDestroy(CUgraph graph)
{
    ENTER();
    RETURN_IF_FAILED(find_graph(graph, "cuGraphDestroy"));
    graphs.erase(graph);
    delete graph;
    return CUDA_SUCCESS;
}

/* The number of nodes; the nodes themselves have no handles. */
API cuGraphGetNodes(CUgraph graph, void **nodes, std::size_t *count)
{
    ENTER();
    RETURN_IF_FAILED(find_graph(graph, "cuGraphGetNodes"));
    if (nodes)
        return fail(CUDA_ERROR_NOT_SUPPORTED, "the handles of a graph's nodes are not simulated");
    *count = graph->nodes.size();
    return CUDA_SUCCESS;
}

API cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long)
{
    ENTER();
    RETURN_IF_FAILED(find_graph(graph, "cuGraphInstantiate"));
    *exec = new GraphExec{graph->nodes};
    graph_execs.insert(*exec);
    return CUDA_SUCCESS;
}

API cuGraphInstantiate_v2(CUgraphExec *exec, CUgraph graph, void *, char *, std::size_t)
{
    return cuGraphInstantiateWithFlags(exec, graph, 0);
}

API cuGraphUpload(CUgraphExec exec, CUstream)
{
    ENTER();
    return find_exec(exec, "cuGraphUpload");
}

API cuGraphLaunch(CUgraphExec exec, CUstream handle)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(find_exec(exec, "cuGraphLaunch"));
    std::shared_ptr<Stream> stream;
    RETURN_IF_FAILED(find_stream(handle, context, stream));
    RETURN_IF_FAILED(check_stream_not_capturing(*stream, "cuGraphLaunch"));
    /* A copy, since the program may destroy the graph while the work waits. */
    auto nodes = std::make_shared<std::vector<Work>>(exec->nodes);
    return submit(stream, [nodes] {
        counters[GRAPH_LAUNCHES]++;
        for (const Work &node : *nodes)
            RETURN_IF_FAILED(node());
        return CUDA_SUCCESS;
    });
}

API cuGraphExecDestroy(CUgraphExec exec)
{
    ENTER();
    RETURN_IF_FAILED(find_exec(exec, "cuGraphExecDestroy"));
    graph_execs.erase(exec);
    delete exec;
    return CUDA_SUCCESS;
}
