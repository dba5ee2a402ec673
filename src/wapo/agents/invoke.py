"""A request in, a response out: one machine from an agent's image, for one request."""

import asyncio
from collections.abc import Callable

from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.messages import AgentRequest, MemoryLimitReached, failure_of
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import Run, RunLog
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

__all__ = ["abandon", "finish", "start"]

_REST_S = 1.0


def start(
    profile: JavaScriptProfile,
    scheduler: Scheduler,
    services: Services,
    image: AgentImage,
    request: AgentRequest,
    *,
    log: RunLog,
    limits: GuestLimits,
    max_response_bytes: int,
    owner: str,
    on_end: Callable[[End, Guest], None] | None = None,
) -> Run:
    """Starts a machine on a request. If nobody else waits for the CPU, its first slice has run when this returns, and
    an agent that need not wait has answered.

    Args:
        log: where the agent's lines go, and errors that nobody in it caught.
        owner: on whose CPU share it runs: the program.
        on_end: called once, when the machine is gone; after the response, if work was left.

    Raises:
        AgentFailed: the program is broken.
        MemoryLimitReached: so much memory as it takes before its first request is not allowed.
        OutOfMappings: the kernel has no room for another machine.
    """
    if image.kind is ImageKind.BROKEN:
        raise failure_of(image.error or "the program is broken")
    if image.size > limits.memory_bytes:  # they were lowered since the image was made
        raise MemoryLimitReached(
            f"the program takes {image.size} bytes before its first request; {limits.memory_bytes} are allowed"
        )
    run = Run(request, log, max_response_bytes, image.modules)
    pool = image.pool(profile.serving, limits.store)
    guest = Guest(
        pool.take(), scheduler=scheduler, services=services, limits=limits, owner=owner, session=run,
        release=lambda instance, clean: pool.give_back(instance, clean=clean),
    )  # fmt: skip
    run.guest = guest
    guest.select_entry()

    def ended(end: End) -> None:
        run.ended(end)
        run.guest = None  # which has the run: neither is to wait for the collector
        if on_end is not None:
            on_end(end, guest)

    guest.on_end(ended)
    scheduler.run_now(guest)
    if guest.ended is None:
        guest.start_clock()
    return run


def abandon(run: Run) -> None:
    """The caller has gone away: what the agent still writes fails, and the machine goes unless it asked to go on."""
    if run.response is not None and run.response.stream is not None:
        run.response.stream.break_()
    if run.guest is not None and not run.kept_alive:
        run.guest.stop(End(EndReason.STOPPED, "the caller went away"))


def finish(run: Run) -> None:
    """The caller has all that it gets. Timers and promises that nobody waits for end here, unless the agent asked for
    them with ``waitUntil``.

    Not in the middle of a poll: whether a line after the answer gets into the log must not depend on slices. But one
    that always has something to do, because a peer has it so, never rests.
    """
    guest = run.guest
    if guest is None or guest.ended is not None:
        return
    end = End(EndReason.STOPPED, "the response is complete")
    if not guest.in_poll and not run.kept_alive:
        guest.stop(end)
        return
    loop = asyncio.get_running_loop()

    def at_rest() -> None:
        if not run.kept_alive:
            loop.call_soon(guest.stop, end)

    guest.on_wait = at_rest
    loop.call_later(_REST_S, at_rest)
