"""Which guest runs next."""

from tests.vm.support import guest_of, run_to_end, run_until
from wapo.engine.engine import Engine
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler

SPIN = '(func (export "wapo_poll") (result i32) (loop $l (br $l)) (i32.const 1))'
DONE = '(func (export "wapo_poll") (result i32) (i32.const 1))'
#: Some hundred microseconds, and then it waits.
WORK = """(func (export "wapo_poll") (result i32) (local $n i32)
  (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $l (i32.lt_u (local.get $n) (i32.const 300000))))
  (i32.const 0))"""
ENDLESS = GuestLimits(burst_s=None, time_s=None)


async def burners(engine: Engine, scheduler: Scheduler, count: int) -> list[Guest]:
    """Guests of as many owners that have been burning for a while."""
    guests = [guest_of(engine, SPIN, scheduler=scheduler, limits=ENDLESS, owner=f"burner-{n}") for n in range(count)]
    for guest in guests:
        guest.request_poll()
    await run_until(guests[-1], lambda: all(guest.burns for guest in guests))
    return guests


async def test_who_has_just_come_goes_before_all_that_burn(engine: Engine) -> None:
    scheduler = Scheduler()
    slices = 0

    def slice_over() -> None:
        nonlocal slices
        slices += 1

    for guest in await burners(engine, scheduler, 8):
        guest.on_slice = slice_over
    waited: list[int] = []
    for _ in range(10):
        slices = 0
        brief = guest_of(engine, DONE, scheduler=scheduler, owner="brief")
        brief.on_end(lambda _end: waited.append(slices))
        await run_to_end(brief)
    scheduler.stop_all()
    assert max(waited) <= 1, waited


async def test_those_that_burn_get_on_although_somebody_always_has_something_brief_to_do(engine: Engine) -> None:
    scheduler = Scheduler()
    (burner,) = await burners(engine, scheduler, 1)
    brief = guest_of(engine, WORK, scheduler=scheduler, limits=ENDLESS, owner="brief")
    brief.on_wait = brief.request_poll
    before = burner.meter.cpu_s
    brief.request_poll()
    await run_until(brief, lambda: brief.meter.cpu_s > 0.2)
    share = (burner.meter.cpu_s - before) / brief.meter.cpu_s
    scheduler.stop_all()
    assert 0.1 < share < 0.8
