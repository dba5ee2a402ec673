"""Signals of a node's process: heard at every moment, and never the end of something half done."""

import asyncio
import os
import signal

import pytest
import uvloop

from wapo.cli.signals import heard_signals


async def _heard(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_first_signal_asks_for_a_clean_stop(number: int, run) -> None:  # type: ignore[no-untyped-def]
    async def work() -> None:
        with heard_signals() as signals:
            os.kill(os.getpid(), number)
            await _heard(signals.asked)
            assert not signals.hurried.is_set()
            os.kill(os.getpid(), signal.SIGTERM)  # whoever supervises may say it as often as it likes
            await asyncio.sleep(0)
            assert not signals.hurried.is_set()

    run(work())


def test_a_signal_during_the_start_ends_the_start() -> None:
    async def work() -> str:
        with heard_signals() as signals:
            try:
                with signals.cancel_instead():
                    os.kill(os.getpid(), signal.SIGTERM)
                    await asyncio.sleep(5)
            except asyncio.CancelledError:
                return "cancelled" if signals.asked.is_set() else "by somebody else"
        return "started"

    assert uvloop.run(work()) == "cancelled"


def test_a_second_interrupt_hurries_and_a_third_is_not_heard_any_more() -> None:
    async def work() -> None:
        with heard_signals() as signals:
            os.kill(os.getpid(), signal.SIGINT)
            await _heard(signals.asked)
            os.kill(os.getpid(), signal.SIGINT)
            await _heard(signals.hurried)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        uvloop.run(work())
