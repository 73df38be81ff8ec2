/* Where a kernel is, in words: for diagnostics. */
#include "scheduler.h"

namespace corexsim
{

Uint3 unlinear(std::uint64_t index, const Dim3 &dim)
{
    return {static_cast<unsigned>(index % dim.x), static_cast<unsigned>(index / dim.x % dim.y),
            static_cast<unsigned>(index / dim.x / dim.y)};
}

std::string place_words(unsigned thread)
{
    const Uint3 &at = block.state->block;
    Uint3 index = unlinear(thread, block.state->block_dim);
    char words[512];
    std::snprintf(words, sizeof(words), "kernel %s, block (%u, %u, %u), thread (%u, %u, %u)",
                  block.launch->function->kernel->name, at.x, at.y, at.z, index.x, index.y,
                  index.z);
    return words;
}

/* "threads 0-15 at __syncthreads in line 7, threads 16-31 at __shfl_sync in line 9 ..." */
std::string describe_waiting()
{
    auto words_of = [](const Thread &thread) -> std::string {
        char words[160];
        if (thread.status == Status::AT_BARRIER)
            std::snprintf(words, sizeof(words), "at __syncthreads in line %d", thread.line);
        else if (thread.status == Status::AT_COLLECTIVE)
            std::snprintf(words, sizeof(words), "at %s in line %d with mask 0x%08x",
                          collective_name(thread.op), thread.line, thread.mask);
        else
            return thread.status == Status::EXITED ? "exited" : "ready";
        return words;
    };
    std::string all;
    int groups = 0;
    for (unsigned first = 0; first < block.threads;) {
        std::string words = words_of(block.thread[first]);
        unsigned last = first;
        while (last + 1 < block.threads && words_of(block.thread[last + 1]) == words)
            last++;
        if (++groups > 8)
            return all + ", ...";
        all += all.empty() ? "" : ", ";
        all += (first == last ? "thread " + std::to_string(first)
                              : "threads " + std::to_string(first) + "-" + std::to_string(last)) +
               " " + words;
        first = last + 1;
    }
    return all;
}

} // namespace corexsim
