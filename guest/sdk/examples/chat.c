/* A chat over TCP, line by line: what one client says, all others hear.
 *
 *     --address 0.0.0.0 --port 7777
 *     --stall-ms 10000    a client that takes nothing for so long is sent away
 *
 *     /nick NAME          another name; /who lists them; /quit
 *
 * Each client is two tasks: one that sends what is in the client's queue, and one that reads. The lines in the
 * queues are shared. A queue is short: a client that does not keep up loses lines, and nobody else waits for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

enum { QUEUE = 64, LONGEST_LINE = 1024, LONGEST_NICK = 24 };

/* A line that is in queues. */
struct line {
    int references;
    int length;
    char text[];
};

struct client {
    wapo_point point;
    int stream;
    char nick[LONGEST_NICK + 1];
    bool gone;
    long stall_ms;
    struct client *next, *previous; /* in the room */
    wapo_event news;
    struct line *queue[QUEUE]; /* a ring: `waiting` lines from `first` on */
    int first, waiting;
    struct line *sending;
};

/* The room: who is there. */
static struct client *room;
static int client_count, nick_count;

static void release(struct line *line)
{
    if (line && !--line->references)
        free(line);
}

static void queue(struct client *client, struct line *line)
{
    if (client->waiting == QUEUE)
        return; /* lost on this one */
    line->references++;
    client->queue[(client->first + client->waiting++) % QUEUE] = line;
    wapo_notify(&client->news);
}

/* Gives a line to one client, or to all but one. */
__attribute__((format(printf, 3, 4))) static void say(struct client *only, struct client *but, const char *format, ...)
{
    char text[LONGEST_LINE + 64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text - 1)
        length = sizeof text - 2;
    text[length++] = '\n';
    struct line *line = malloc(sizeof(struct line) + (size_t)length);
    if (!line)
        return;
    *line = (struct line){ .references = 1, .length = length };
    memcpy(line->text, text, (size_t)length);
    if (only)
        queue(only, line);
    else
        for (struct client *client = room; client; client = client->next)
            if (client != but)
                queue(client, line);
    release(line);
}

static void leave(void *pointer)
{
    struct client *client = pointer;
    if (client->previous)
        client->previous->next = client->next;
    else
        room = client->next;
    if (client->next)
        client->next->previous = client->previous;
    client_count--;
    for (; client->waiting; client->waiting--)
        release(client->queue[client->first++ % QUEUE]);
    release(client->sending);
    say(NULL, NULL, "* %s has left", client->nick);
}

static void join(struct client *client)
{
    snprintf(client->nick, sizeof client->nick, "guest%d", ++nick_count);
    client->next = room;
    if (room)
        room->previous = client;
    room = client;
    client_count++;
    say(NULL, client, "* %s has joined", client->nick);
    say(client, NULL, "* welcome, %s: %d here", client->nick, client_count);
}

/* A name may not look like another's words. */
static bool rename_to(struct client *client, const char *nick)
{
    if (!*nick || strlen(nick) > LONGEST_NICK || strpbrk(nick, " \t*<>"))
        return false;
    for (struct client *other = room; other; other = other->next)
        if (other != client && !strcmp(other->nick, nick))
            return false;
    say(NULL, NULL, "* %s is now %s", client->nick, nick);
    strcpy(client->nick, nick);
    return true;
}

/* What a client has said. False: it wants to go. */
static bool hear(struct client *client, char *text)
{
    if (!strcmp(text, "/quit"))
        return false;
    if (!strncmp(text, "/nick ", 6)) {
        if (!rename_to(client, text + 6))
            say(client, NULL, "* that name will not do");
    } else if (!strcmp(text, "/who")) {
        for (struct client *other = room; other; other = other->next)
            say(client, NULL, "* %s", other->nick);
    } else if (*text == '/') {
        say(client, NULL, "* /nick NAME, /who, /quit");
    } else if (*text) {
        say(NULL, client, "<%s> %s", client->nick, text);
    }
    return true;
}

/* Reads for a client, which outlives it. */
struct reader {
    wapo_point point;
    struct client *client;
    wapo_input input;
    char room[LONGEST_LINE];
};

WAPO_ASYNC(reader)
{
    int length;

    WAPO_BEGIN;
    self->input = (wapo_input){ .stream = self->client->stream, .data = self->room, .capacity = sizeof self->room };
    for (;;) {
        WAPO_AWAIT(length, wapo_read_until(&self->input, "\n"));
        if (length <= 0)
            break; /* the end, or an error, or a line without an end */
        length -= length > 1 && self->room[length - 2] == '\r' ? 2 : 1;
        self->room[length] = 0;
        if (!hear(self->client, self->room))
            break;
    }
    self->client->gone = true;
    wapo_notify(&self->client->news);
    WAPO_END;
}

static void cancel(void *handle)
{
    wapo_cancel((int)(intptr_t)handle);
}

WAPO_ASYNC(client)
{
    int result;

    WAPO_BEGIN;
    wapo_defer_close(self->stream);
    join(self);
    wapo_defer(leave, self);
    result = wapo_spawn(reader, .client = self);
    if (result < 0)
        WAPO_RETURN(result);
    wapo_defer(cancel, (void *)(intptr_t)result);
    for (;;) {
        WAPO_AWAIT(result, wapo_until(&self->news, self->waiting || self->gone));
        if (!self->waiting)
            break; /* gone, and everything has been sent */
        self->sending = self->queue[self->first];
        self->first = (self->first + 1) % QUEUE;
        self->waiting--;
        WAPO_AWAIT_TIMEOUT(result, self->stall_ms,
                           wapo_write_all(self->stream, self->sending->text, (size_t)self->sending->length));
        if (result < 0)
            WAPO_RETURN(0);
        release(self->sending);
        self->sending = NULL;
    }
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener;
    long stall_ms;
};

WAPO_ASYNC(server)
{
    int stream;
    char address[128];

    WAPO_BEGIN;
    self->stall_ms = wapo_option_number("stall-ms", 10000, 1, 3600000);
    snprintf(address, sizeof address, "%s:%ld", wapo_option("address", "0.0.0.0"),
             wapo_option_number("port", 7777, 0, 65535));
    self->listener = wapo_tcp_listen(address);
    if (self->listener < 0) {
        wapo_log(WAPO_ERROR, "cannot listen on %s: %s", address, wapo_strerror(self->listener));
        WAPO_RETURN(1);
    }
    for (;;) {
        WAPO_AWAIT(stream, wapo_accept(self->listener));
        if (stream < 0)
            WAPO_SLEEP(100);
        else if (wapo_spawn(client, .stream = stream, .stall_ms = self->stall_ms) < 0)
            wapo_close(stream);
    }
    WAPO_END;
}

WAPO_MAIN(server)
