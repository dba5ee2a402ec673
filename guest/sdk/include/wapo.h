/* Wapo programs in C. Begin with README.md beside this folder; here is the map, and what holds everywhere.
 *
 *     #include <wapo.h>
 *
 *     struct hello {
 *         wapo_point point; // where it stands
 *         int count;        // what must survive a wait
 *     };
 *
 *     WAPO_ASYNC(hello)
 *     {
 *         WAPO_BEGIN;
 *         for (self->count = 3; self->count > 0; self->count--) {
 *             wapo_log(WAPO_INFO, "%d...", self->count);
 *             WAPO_SLEEP(1000);
 *         }
 *         WAPO_END;
 *     }
 *
 *     WAPO_MAIN(hello)
 *
 * The map:
 *
 *     wapo/results.h  what functions return, and the errors
 *     wapo/tasks.h    async functions, tasks, events, timeouts
 *     wapo/streams.h  TCP and TLS: listen, accept, connect, read, write
 *     wapo/queries.h  queries in, answers out
 *     wapo/http.h     HTTP in, over the node's front door
 *     wapo/fetch.h    HTTP out
 *     wapo/node.h     log, randomness, identity, secrets, signatures, stored data, locks
 *     wapo/options.h  the program's arguments
 *     wapo/hash.h     digests
 *     wapo/scale.h    SCALE: the encoding of messages
 *     wapo/ocalls.h   the border itself, call by call, for those who want it
 *
 * Memory. The library allocates with malloc: one block a task (its state is in it), one a message that it gives out
 * (freed by the function that is named beside it), and the tables of tasks and timers, which grow. Nothing else is
 * allocated, and nothing is kept that a caller has passed: arguments are borrowed for the call. An operation that is
 * awaited is called again until it is done, so what its arguments point to must live that long: in `self`, or longer.
 *
 * Errors are values: every function that can fail returns an int that is negative then. Nothing here traps on what a
 * peer sends, and nothing ends the program but the end of its main task and what wapo/tasks.h says of misuse.
 *
 * Names that end with an underscore are the library's own.
 */
#ifndef WAPO_H
#define WAPO_H

#include <wapo/results.h>
#include <wapo/ocalls.h>
#include <wapo/tasks.h>
#include <wapo/streams.h>
#include <wapo/queries.h>
#include <wapo/http.h>
#include <wapo/fetch.h>
#include <wapo/node.h>
#include <wapo/options.h>
#include <wapo/hash.h>
#include <wapo/scale.h>

#endif
