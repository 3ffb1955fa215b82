/* A machine whose clock is set back: while the file named by FIELDSEAL_TEST_CLOCK is there, the time of
 * day is three days less. Put before the C library by `clock.rs`; clocks that only run forward are the
 * machine's own. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t back(void)
{
    int saved = errno;
    const char *file = getenv("FIELDSEAL_TEST_CLOCK");
    time_t seconds = file && access(file, F_OK) == 0 ? 3 * 24 * 60 * 60 : 0;
    errno = saved;
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec -= back();
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    struct timespec precise;
    int done = clock_gettime(CLOCK_REALTIME, &precise);
    if (done == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return done;
}

time_t time(time_t *stored)
{
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
        return (time_t)-1;
    if (stored)
        *stored = precise.tv_sec;
    return precise.tv_sec;
}
