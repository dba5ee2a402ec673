"""Standard output and error: lines of the log, in bounds, and none is lost at the end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vm.support import Recorder
from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.stdio import MAX_LINE_BYTES, LogOutput


async def test_whole_lines_are_logged(engine: Engine) -> None:
    async with Caller(engine) as guest:
        assert await guest.write(1, b"one\ntwo\nth") == 10
        assert guest.services.lines == [(3, "one"), (3, "two")]
        assert await guest.write(2, b"error\n") == 6
        assert await guest.write(1, b"ree\n\n") == 5
        assert guest.services.lines[2:] == [(1, "error"), (3, "three"), (3, "")]


@pytest.mark.parametrize("how", ["close", "stop", "exit", "trap"])
async def test_the_beginning_of_a_line_is_logged_at_the_end(engine: Engine, how: str) -> None:
    """However the program ends, what it wrote last is not lost."""
    async with Caller(engine) as guest:
        await guest.write(1, b"last words")
        await guest.write(2, b"and why")
        if how == "close":
            await guest.good("fd_close", 1)
            assert guest.services.lines == [(3, "last words")]
        elif how == "trap":
            guest.begin("proc_raise", 6)
            await guest.until(lambda: guest.guest.ended is not None)
            assert guest.guest.ended is not None
            assert (guest.guest.ended.reason, "signal 6" in guest.guest.ended.detail) == (EndReason.TRAP, True)
        elif how == "exit":
            guest.guest.instance.write(8, b"\1")  # its poll function returns 1
            guest.guest.request_poll()
            await guest.until(lambda: guest.guest.ended is not None)
    assert guest.services.lines == [(3, "last words"), (1, "and why")]


async def test_a_log_that_fails_leaves_nothing_open(engine: Engine) -> None:
    """A bug in the host's log at the very end does not keep the machine."""
    async with Caller(engine) as guest:
        await guest.write(1, b"last words")

        def broken(*_: object) -> None:
            raise RuntimeError("a bug")

        guest.services.log = broken  # type: ignore[method-assign]
        ends: list[End] = []
        guest.guest.on_end(ends.append)
        guest.guest.stop(End(EndReason.STOPPED, "enough"))
        assert guest.guest.instance._store == 0
        assert [end.reason for end in ends] == [EndReason.HOST_FAILURE]


async def test_one_call_takes_so_much(engine: Engine) -> None:
    """The rest is for the next call: no single one keeps the event loop long."""
    async with Caller(engine) as guest:
        many = b"\n" * 5000
        assert await guest.write(1, many) == 256
        assert len(guest.services.lines) == 256
        long = b"x" * 200_000
        written = await guest.write(1, long)
        assert written == 64 << 10
        guest.put(b"ab\n" * 10)
        await guest.good("fd_write", 1, *guest.buffers([(BUFFER, 3)] * 1000), SCRATCH - 8)
        assert guest.u32(SCRATCH - 8) == 3 * 256
        assert await guest.write(1, b"") == 0


async def test_a_line_that_is_too_long_is_several(engine: Engine) -> None:
    async with Caller(engine) as guest:
        for _ in range(5):
            assert await guest.write(1, b"x" * 50_000) == 50_000
        await guest.write(1, b"\n")
        texts = [text for _, text in guest.services.lines]
        assert "".join(texts) == "x" * 250_000
        assert max(map(len, texts)) <= MAX_LINE_BYTES


async def test_text_that_is_not_utf8(engine: Engine) -> None:
    async with Caller(engine) as guest:
        await guest.write(1, b"a\xffb\n")
        assert guest.services.lines == [(3, "a\ufffdb")]


class _Guest:
    """As much of a guest as an output needs."""

    def __init__(self) -> None:
        self.services = Recorder()


class _Bytes:
    """As much of a list of buffers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.total = len(data)

    def gather(self, skip: int, length: int) -> bytes:
        return self._data[skip : skip + length]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab\n", max_size=700)))
def test_lines_do_not_depend_on_how_they_were_written(texts: list[str]) -> None:
    guest = _Guest()
    output = LogOutput(guest, 3)  # type: ignore[arg-type]
    for text in texts:
        data = text.encode()
        while data:
            data = data[output.write(guest, _Bytes(data), None) :]  # type: ignore[arg-type]
    output.close()
    output.close()
    whole = "".join(texts)
    expected = whole.split("\n")
    if not expected[-1]:
        expected.pop()
    assert [text for _, text in guest.services.lines] == expected


async def test_outputs_cannot_be_read_nor_sought_in(engine: Engine) -> None:
    async with Caller(engine) as guest:
        vector = guest.buffers([(BUFFER, 4)])
        assert await guest.call("fd_pwrite", 1, *vector, 0, SCRATCH - 8) is Errno.SPIPE
        assert await guest.call("fd_pread", 0, *vector, 0, SCRATCH - 8) is Errno.SPIPE
        assert await guest.call("fd_pread", 1, *vector, 0, SCRATCH - 8) is Errno.BADF
        await guest.good("fd_fdstat_set_rights", 1, 0, 0)
        assert await guest.write(1, b"x") is Errno.NOTCAPABLE
