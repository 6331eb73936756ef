/*  grpc_echo -- am_grpc as a program, so that another implementation can be put at its other end.
 *
 *  grpc_echo serve                      prints its port; /t.T/Echo, /t.T/Refuse, /t.T/Hold
 *  grpc_echo ask PORT PATH LENGTH MS    sends LENGTH times 'x'; prints "<code> <length> <text>"
 */
#include "../../../common/net/am_grpc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
serve_fn(void *arg, struct am_grpc_request *request, const char *path, struct am_bin message,
         const struct sockaddr_in *peer)
{
    struct am_grpc_request **held = arg;

    (void)peer;
    if (strcmp(path, "/t.T/Echo") == 0) {
        am_grpc_reply(request, message);
    } else if (strcmp(path, "/t.T/Refuse") == 0) {
        am_grpc_refuse(request, AM_FAILED_PRECONDITION, "not yet: 100% \xc3\xbcnready");
    } else if (strcmp(path, "/t.T/Hold") == 0) {
        if (*held != NULL)
            am_grpc_reply(*held, (struct am_bin){NULL, 0});
        *held = request;
    } else {
        am_grpc_refuse(request, AM_UNIMPLEMENTED, "no such method");
    }
}

static void
on_outcome(void *arg, int code, struct am_bin message, const struct am_error *err)
{
    (void)arg;
    printf("%s %zu %s\n", am_err_name(code), message.len, err->text);
}

static int
serve(struct ev_loop *loop, struct sockaddr_in *addr)
{
    struct am_grpc_server *server;
    struct am_grpc_request *held = NULL;
    struct am_error err = {0};

    if (am_grpc_serve(&server, loop, addr, serve_fn, &held, &err) != AM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%u\n", am_grpc_server_port(server));
    fflush(stdout);
    ev_run(loop, 0);
    return 1;
}

static int
ask(struct ev_loop *loop, struct sockaddr_in *addr, char **argv)
{
    struct am_grpc_call *call;
    struct am_error err = {0};
    size_t len = strtoul(argv[4], NULL, 10);
    uint8_t *message = malloc(len + 1);
    int r;

    if (message == NULL)
        return 1;
    memset(message, 'x', len);
    addr->sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    r = am_grpc_ask(&call, loop, addr, argv[3], am_bin_of(message, len), 2000,
                    strtol(argv[5], NULL, 10), on_outcome, NULL, &err);
    free(message);
    if (r != AM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    ev_run(loop, 0); /* returns when the call has left nothing behind */
    return 0;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ev_loop *loop = ev_default_loop(0);

    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve(loop, &addr);
    if (argc == 6 && strcmp(argv[1], "ask") == 0)
        return ask(loop, &addr, argv);
    fprintf(stderr, "usage: grpc_echo serve | ask PORT PATH LENGTH MS\n");
    return 64;
}
