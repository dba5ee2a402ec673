"""Sequences of steps: mostly such as programs would take, and some that make no sense at all.

Everything is drawn from a ``Random``: a real one for long runs, one of hypothesis' where what fails is to be shrunk.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.rules import ERRORS, FAST, FETCHED, LEGACY_ERRORS, SLOW
from tests.fuzz.world import MEMORY_BYTES, PORTS, ROOM, SYMBOLS, Step
from wapo.abi.calls import CALLS

__all__ = ["sequence"]

Call = tuple[Any, ...]

KINDS = (
    "timer", "channel", "oneshot", "tcp-listener", "tcp", "tls", "tcp-connect", "tls-connect", "duplex", "sni", "http",
    "hash", "crypto", "coder", "name-lookup",
)  # fmt: skip
STREAMS = ("tcp", "tls", "duplex", "http")
NUMBERS = (0, 1, 2, 3, 5, 8, 13, 30, 8191, 8192, -1, -(1 << 31))
LENGTHS = (0, 1, 7, 32, 64, 256, 1023, 1024, 1025, 4096, 65536, 1 << 18)
POINTERS = (ROOM, ROOM + 1, ROOM + 5000, MEMORY_BYTES - 64)
ODD = (
    0, 1, 2, 255, 256, 65535, 65536, MEMORY_BYTES, MEMORY_BYTES + 1, (1 << 31) - 1, -(1 << 31), -2, -1,
)  # fmt: skip
SIZES = (0, 1, 100, 1024, 5000, 65536)
#: Without ready_list, after which there are no waker messages to be checked.
EVERY_NUMBER = sorted({*ERRORS, *LEGACY_ERRORS, *CALLS} - {1008})


class Draw:
    """What calls are made of."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def some(self, *kinds: str) -> int | str:
        """A resource: mostly of one of these kinds, by its place among those that there are ("tcp:2")."""
        if self.chance(85):
            return f"{self.one(*kinds)}:{self.one(0, 0, 0, 1, 2)}"
        return f"{self.one(*KINDS)}:0" if self.chance(60) else self.one(*NUMBERS)

    def range(self) -> tuple[int, int]:
        if self.chance(85):
            return self.one(*POINTERS), self.one(*LENGTHS)
        return self.one(*POINTERS, *ODD), self.one(*LENGTHS, *ODD)

    def how(self, number: int) -> int:
        return FAST if CALLS[number].fast else self.one(SLOW, FETCHED, FETCHED)

    def call(self, number: int, *parameters: Any) -> Call:
        """The waker of a call is the world's business: 0 stands for it."""
        flat: list[Any] = []
        for parameter in parameters:
            flat += parameter if isinstance(parameter, tuple) else (parameter,)
        return (self.how(number), number, *flat)


def on_resource(d: Draw) -> Call:
    number = d.one(
        101, 102, 103, 103, 103, 104, 104, 104, 105, 106, 106, 211, 212, 202, 204, 203, 1022, 1023, 1032, 1081, 1082, 1101,
        1102, 1210, 1211,
    )  # fmt: skip
    if number == 101:
        return d.call(101, d.some(*KINDS))
    if number == 102:
        return d.call(102, 0, d.some("channel", "name-lookup"))
    if number in (103, 104):
        return d.call(number, 0, d.some(*STREAMS, "timer"), d.range())
    if number == 105:
        return d.call(105, 0, d.some(*STREAMS))
    if number == 106:
        return d.call(106, 0, d.some("tcp-connect", "tls-connect"))
    if number in (211, 212):
        return d.call(number, 0, d.some("tcp-listener", "sni"))
    if number in (202, 204):
        return d.call(number, d.some("oneshot"), d.one("HEAD", d.range()))
    if number == 203:
        return d.call(203, d.some("timer"), d.one(0, 1, 5, 60_000, -1))
    if number == 1022:
        return d.call(1022, d.some("hash"), d.range())
    if number == 1023:
        return d.call(1023, d.some("hash"), d.one(*POINTERS))
    if number == 1032:
        return d.call(1032, 0, d.some("crypto"), d.range())
    if number == 1081:
        return d.call(1081, d.some("coder"), d.range(), d.one(0, 0, 0, 1, 2))
    if number == 1082:
        return d.call(1082, d.some("coder"), d.range())
    if number == 1210:
        return d.call(1210, d.some("tcp-listener", "sni"))
    if number == 1211:
        return d.call(1211, d.some("tcp-listener", "sni"))
    if number == 1101:
        return d.call(1101, 0, d.some("http"), d.range())
    return d.call(1102, d.some("http"), d.range())


def creating(d: Draw) -> Call:
    number = d.one(201, 240, 210, 213, 214, 215, 1021, 1031, 1080, 1100, 1121)
    if number == 201:
        return d.call(201, d.one(0, 1, 2, 1000, -1))
    if number == 240:
        return d.call(240, d.one(3, 4, 3, 4, 1, 2, 5))
    if number == 213:
        return d.call(213, d.one("ECHO_HOST", "ECHO_HOST", "NAME_HOST", "BAD_TEXT"), d.one(*PORTS))
    if number == 1080:
        return d.call(1080, d.one(0, 1, 2, 3, 4), d.one(0, 1, 1, 2))
    if number == 1021:
        return d.call(1021, d.one(*range(11)))
    if number == 1121:
        return d.call(1121, d.one("ECHO_HOST", "NAME_HOST", "BAD_TEXT"))
    data = {
        210: ("LISTEN", "LISTEN", "LISTEN_TLS", "LISTEN_BAD", "GARBAGE"),
        214: ("CONNECT_TLS", "CONNECT_TLS", "CONNECT_TLS_BAD", "GARBAGE"), 215: ("SNI_A", "SNI_B", "GARBAGE"),
        1031: ("CRYPTO", "CRYPTO_LONG", "CRYPTO_BAD", "GARBAGE"), 1100: ("REQUEST", "REQUEST_BODY", "GARBAGE"),
    }  # fmt: skip
    return d.call(number, d.one(*data[number]))


def other(d: Draw) -> Call:
    """Calls that have nothing to do with resources."""
    kinds: tuple[Callable[[], Call], ...] = (
        lambda: d.call(d.one(0, 113, 243, 250, 252, 255, 261, 1000), d.range()),
        lambda: d.call(d.one(110, 112, 242, 251, 254, 260)),
        lambda: d.call(d.one(244, 262, 263, 230, 233), d.one(*SYMBOLS)),
        lambda: d.call(109, d.one(-1, 0, 1, 2, 5, 9)),
        lambda: d.call(1008, d.one(*POINTERS, *ODD), d.one(0, 1, 2, 100, 8192, 8193)),
        lambda: d.call(111, d.one(0, 0, 1, 2)),
        lambda: d.call(220, d.one(*range(7)), d.range()),
        lambda: d.call(231, d.one(*SYMBOLS), d.one(*SYMBOLS)),
        lambda: d.call(d.one(232, 253), d.one(*ODD), d.one(*ODD), d.one(*ODD), d.one(*ODD)),
        lambda: d.call(1030, d.one("CRYPTO", "CRYPTO", "CRYPTO_LONG", "CRYPTO_BAD", "GARBAGE"), d.range()),
        lambda: d.call(1020, d.one(*range(11)), d.range(), d.one(*POINTERS)),
        lambda: d.call(1040, d.range(), d.one(*POINTERS), d.one(*POINTERS)),
    )
    return d.one(*kinds)()


def senseless(d: Draw) -> Call:
    number = d.one(*EVERY_NUMBER) if d.chance(90) else d.random.getrandbits(32)
    values = (*NUMBERS, *ODD, *POINTERS, *LENGTHS)
    return (
        d.one(FAST, SLOW, FETCHED),
        number,
        *(d.one(*values) if d.chance(90) else d.random.getrandbits(32) for _ in "1234"),
    )


def any_call(d: Draw) -> Call:
    return d.one(on_resource, on_resource, on_resource, on_resource, creating, creating, other, senseless)(d)


def poll(d: Draw, make: Callable[[Draw], Call] = any_call) -> Step:
    return ("poll", *(make(d) for _ in range(d.one(1, 1, 2, 3, 5, 9))))


def happening(d: Draw) -> Step:
    """Something that happens in the world."""
    name = d.one(
        "turns", "turns", "sleep", "request_poll", "query", "query", "abandon", "http", "http_write", "http_write",
        "http_read", "http_read", "http_end", "http_gone", "client", "client", "client_tls", "client_tls", "client_sni",
        "client_send", "client_send", "client_receive", "client_receive", "client_shutdown", "client_close",
    )  # fmt: skip
    arguments: dict[str, Callable[[], tuple[Any, ...]]] = {
        "turns": lambda: (d.one(1, 2, 3, 6),), "sleep": lambda: (d.one(1, 2, 3),), "query": lambda: (d.one(*SIZES),),
        "request_poll": lambda: (), "abandon": lambda: (), "http": lambda: (),
        "client_sni": lambda: (d.one("a.example", "a.example", "b.example", "nobody.example"),),
        "client_close": lambda: (which(), d.one(True, False)),
    }  # fmt: skip
    sized = ("http_write", "http_read", "client_send", "client_receive")

    def which() -> int:
        return int(d.one(0, 0, 1, 2, 3))

    made = arguments.get(name, lambda: (which(), d.one(*SIZES)) if name in sized else (which(),))()
    return (name, *made)


def _connected(number: int, target: tuple[str, ...], kind: str) -> list[Step]:
    again = ("poll", (FAST, 106, 0, f"{kind}:0"))
    return [("poll", (FAST, number, *target), (FAST, 106, 0, f"{kind}:0")), ("sleep", 2), again, ("sleep", 1), again]


#: What programs do to have something to work with, and the kind of stream that it may be.
BEGINNINGS: tuple[tuple[str, list[Step]], ...] = (
    ("duplex", [("poll", (SLOW, 240, 3)), ("query", 10), ("poll", (FETCHED, 102, 0, "channel:0"))]),
    ("duplex", [("poll", (SLOW, 240, 4)), ("http",), ("poll", (SLOW, 102, 0, "channel:0"), (SLOW, 102, 0, "channel:1"))]),
    ("tcp", _connected(213, ("ECHO_HOST", "echo_port"), "tcp-connect")),
    ("tcp", _connected(213, ("ECHO_HOST", "silent_port"), "tcp-connect")),
    ("tcp", _connected(213, ("ECHO_HOST", "resetting_port"), "tcp-connect")),
    ("tls", _connected(214, ("CONNECT_TLS",), "tls-connect")),
    ("tls", _connected(214, ("CONNECT_TLS_BAD",), "tls-connect")),
    ("tcp", [("poll", (FAST, 210, "LISTEN")), ("client", 0), ("turns", 2), ("poll", (FAST, 212, 0, "tcp-listener:0"))]),
    (
        "tls",
        [("poll", (FAST, 210, "LISTEN_TLS")), ("client_tls", 0), ("turns", 2), ("poll", (SLOW, 211, 0, "tcp-listener:0"))],
    ),
    (
        "tls",
        [
            ("poll", (FAST, 215, "SNI_A")), ("client_sni", "a.example"), ("turns", 4), ("client_send", 0, 1), ("sleep", 2),
            ("client_send", 0, 1), ("sleep", 1), ("poll", (FAST, 212, 0, "sni:0")),
        ],
    ),
    ("http", [("poll", (FAST, 1100, "REQUEST")), ("sleep", 3), ("poll", (FAST, 1101, 0, "http:0", ROOM, 500))]),
    ("http", [("poll", (FAST, 1100, "REQUEST_BODY")), ("turns", 3), ("poll", (FAST, 1101, 0, "http:0", ROOM, 500))]),
    ("tcp", [("poll", (FAST, 201, 1), (FAST, 103, 0, "timer:0", ROOM, 0)), ("sleep", 2)]),
)  # fmt: skip


def talk(d: Draw, kind: str) -> list[Step]:
    """Reads and writes of several tasks, with the peer saying and hearing something in between."""

    def one(d: Draw) -> Call:
        stream = f"{kind}:{d.one(0, 0, 0, 1)}"
        number = d.one(103, 104)
        if d.chance(4):
            number = d.one(101, 105)
        if number == 101:
            return d.call(101, stream)
        return d.call(number, 0, stream) if number == 105 else d.call(number, 0, stream, ROOM, d.one(*LENGTHS))

    steps: list[Step] = []
    for _ in range(d.one(1, 2, 4, 8)):
        steps.append(poll(d, one))
        if kind == "duplex":
            steps.append((d.one("http_write", "http_read"), 0, d.one(*SIZES)))
        elif d.chance(60):
            steps.append((d.one("client_send", "client_receive"), d.one(0, 0, 1), d.one(*SIZES)))
        if d.chance(30):
            steps.append(("turns", d.one(1, 2, 5)))
    return steps


def sequence(random: Random, most: int = 40) -> list[Step]:
    """Some beginnings, and what comes of them.

    Args:
        most: how many things happen after that, at most.
    """
    d = Draw(random)
    begun = [d.one(*BEGINNINGS) for _ in range(d.one(0, 1, 1, 2, 3))]
    steps = [step for _, beginning in begun for step in beginning]
    streams = [kind for kind, _ in begun] or ["tcp"]
    for _ in range(random.randrange(most + 1)):
        if d.chance(45):
            steps += talk(d, d.one(*streams))
        elif d.chance(60):
            steps.append(poll(d))
        elif d.chance(20):
            steps += d.one(*BEGINNINGS)[1]
        else:
            steps.append(happening(d))
    return steps
