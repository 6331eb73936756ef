/*  am_grpc_watch -- when a connection is silent, dead or idle.  */
#include "am_grpc_watch.h"

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum am_grpc_watch_do
am_grpc_watch_look(const struct am_grpc_watch *w, int64_t now_ms, int64_t *next_ms)
{
    int64_t next = now_ms + AM_GRPC_STUCK_MS;

    *next_ms = w->opened_ms + AM_GRPC_SETTINGS_MS;
    if (!w->settings)
        return now_ms >= *next_ms ? AM_GRPC_NO_SETTINGS : AM_GRPC_WAIT;
    if (w->stuck_ms != 0) {
        if (now_ms >= w->stuck_ms + AM_GRPC_STUCK_MS)
            return AM_GRPC_STUCK;
        next = earlier(next, w->stuck_ms + AM_GRPC_STUCK_MS);
    }
    if (w->may_idle) {
        if (now_ms >= w->last_request_ms + AM_GRPC_IDLE_MS)
            return AM_GRPC_IDLE;
        next = earlier(next, w->last_request_ms + AM_GRPC_IDLE_MS);
    }
    if (w->pinged_ms != 0) {
        if (now_ms >= w->pinged_ms + AM_GRPC_PING_ANSWER_MS)
            return AM_GRPC_NO_ANSWER;
        *next_ms = earlier(next, w->pinged_ms + AM_GRPC_PING_ANSWER_MS);
        return AM_GRPC_WAIT;
    }
    *next_ms = earlier(next, w->heard_ms + AM_GRPC_PING_MS);
    if (now_ms < w->heard_ms + AM_GRPC_PING_MS)
        return AM_GRPC_WAIT;
    *next_ms = earlier(next, now_ms + AM_GRPC_PING_ANSWER_MS);
    return AM_GRPC_PING;
}
