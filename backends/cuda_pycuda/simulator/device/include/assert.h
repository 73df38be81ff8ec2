/* An assertion that fails stops the kernel, not the process. */
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) \
    ((condition) ? (void)0 \
                 : ::corexsim::runtime->stop(::corexsim::Stop::ASSERT, __FILE__, __LINE__, \
                                             #condition, nullptr))
#endif
