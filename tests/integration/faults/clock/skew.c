/* A wall clock that is wrong by $EVERTASK_TEST_SKEW seconds, for the process that this is preloaded into. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *skew;
    int failed;

    if (!real)
        real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME && (skew = getenv("EVERTASK_TEST_SKEW")))
        now->tv_sec += atol(skew);
    return failed;
}
