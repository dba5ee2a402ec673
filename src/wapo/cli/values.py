"""Values of options: sizes (``64MB``) and times (``500ms``), and the same for people to read."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import typer

__all__ = [
    "budget_option",
    "format_amount",
    "format_budget",
    "format_size",
    "format_time",
    "parse_count",
    "parse_size",
    "parse_time",
    "port_range",
    "rule_option",
    "size_option",
    "time_option",
    "total_count_option",
    "total_size_option",
]

_SIZES: Final = {
    "": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
    "g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
}  # fmt: skip
_TIMES: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PAGE: Final = 1 << 16
_ADDRESSABLE: Final = 1 << 32
_COUNT: Final = re.compile(r"\d{1,18}", re.ASCII)
_AMOUNT: Final = re.compile(r"\s*(\d{1,20}(?:\.\d{1,20})?)\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of ``64MB`` (units are binary: 1 MB is 2**20 bytes).

    Raises:
        ValueError: says what is allowed.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2].lower() not in _SIZES:
        raise ValueError(f"{text!r} is not a size; write a number with KB, MB or GB, such as 64MB")
    size = int(Decimal(match[1]) * _SIZES[match[2].lower()])
    if not 0 < size < 1 << 63:
        raise ValueError(f"{text!r} is too {'small' if not size else 'large'} for a size")
    return size


def parse_time(text: str) -> float | None:
    """Seconds of ``500ms``, ``2s`` or ``5m``; None for ``unlimited``.

    Raises:
        ValueError: says what is allowed.
    """
    if text.strip().lower() == "unlimited":
        return None
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2].lower() not in _TIMES:
        raise ValueError(f"{text!r} is not a time; write a number with ms, s, m or h, such as 500ms, or unlimited")
    seconds = float(match[1]) * _TIMES[match[2].lower()]
    if seconds <= 0:
        raise ValueError(f"{text!r} is no time at all; write 'unlimited' for no limit")
    return seconds


def format_size(size: int) -> str:
    """As :func:`parse_size` reads it: ``64MB``; whole bytes where no unit fits."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor and size * 1000 % factor == 0:
            return f"{Decimal(size) / factor:f}" + unit
    return f"{size}B"


def format_time(seconds: float | None) -> str:
    """As :func:`parse_time` reads it: ``500ms``, ``2s``."""
    if seconds is None:
        return "unlimited"
    return f"{seconds * 1000:.15g}ms" if seconds < 1 else f"{seconds:.15g}s"


def size_option(text: str) -> int:
    """As :func:`parse_size`, for an option."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def memory_option(text: str) -> int:
    """The memory of a WebAssembly program: from a page to all that it can address."""
    size = size_option(text)
    if not _PAGE <= size <= _ADDRESSABLE:
        raise typer.BadParameter(f"{text!r} is not possible; a program has 64KB to 4GB of memory")
    return size


def total_size_option(text: str) -> float:
    """As :func:`size_option`, or ``unlimited``, which is infinity."""
    return math.inf if text.strip().lower() == "unlimited" else size_option(text)


def total_count_option(text: str) -> float:
    """A number of at least 1, or ``unlimited``, which is infinity."""
    try:
        return math.inf if text.strip().lower() == "unlimited" else parse_count(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_count(text: str) -> int:
    """A number of at least 1.

    Raises:
        ValueError: says what is allowed.
    """
    if not _COUNT.fullmatch(text.strip()) or not int(text):
        raise ValueError(f"{text!r} is not a number of at least 1; write one, or unlimited")
    return int(text)


def time_option(text: str) -> float:
    """As :func:`parse_time`, for an option; infinity is unlimited."""
    try:
        seconds = parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return float("inf") if seconds is None else seconds


def grace_option(text: str) -> float:
    """As :func:`time_option`, where no time at all makes sense, too."""
    match = _AMOUNT.fullmatch(text)
    return 0.0 if match is not None and not Decimal(match[1]) and match[2].lower() in _TIMES else time_option(text)


def host_option(text: str) -> str:
    """A host to listen on. Sockets take an empty one for every address of the machine, which nobody who left a variable
    unset has asked for."""
    if not text.strip():
        raise typer.BadParameter(f"{text!r} is no address; 0.0.0.0 is all of IPv4, :: all of IPv6")
    return text.strip()


def token_option(text: str) -> str:
    """What an ``Authorization`` header can carry after ``Bearer`` (RFC 6750, 2.1, and whatever else is printed)."""
    if not text or not all("!" <= character <= "~" for character in text):
        raise typer.BadParameter("a token is at least one character of printable ASCII, without spaces")
    return text


def port_range(text: str) -> tuple[int, int] | None:
    """``8000..8010`` (or with a hyphen), one port, or ``none``."""
    if text.strip().lower() == "none":
        return None
    first, _, last = text.replace("..", "-").partition("-")
    try:
        ports = int(first), int(last or first)
    except ValueError:
        ports = (1, 0)
    if not 0 <= ports[0] <= ports[1] <= 65535:
        raise typer.BadParameter(f"{text!r} is not a range of ports; write 8000..8010, one port, or none")
    return ports


def budget_option(text: str) -> tuple[str, float]:
    """A budget over time, such as ``requests=1000/hour``: the name of ``AgentLimits``, and how much, where infinity is
    unlimited."""
    match = _BUDGET.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is not a budget; write requests=1000/hour, cpu=10m/day or egress=1GB/day, or unlimited for an amount"
        )
    kind, amount, period = match.groups()
    name, parse = _BUDGETS[kind]
    return f"{_PERIODS[period]}_{name}", parse(amount)


def format_budget(name: str, amount: float) -> str:
    """As :func:`budget_option` reads it."""
    period, _, name = name.partition("_")
    (kind,) = (kind for kind, (limit, _) in _BUDGETS.items() if limit == name)
    (word,) = (word for word, adverb in _PERIODS.items() if adverb == period)
    return f"{kind}={format_amount(name, amount)}/{word}"


def format_amount(name: str, amount: float) -> str:
    """A number, a time or a size, as the name of a limit has it."""
    if name.endswith("_s"):
        return format_time(amount)
    return format_size(int(amount)) if name.endswith("_bytes") else str(int(amount))


def rule_option(text: str) -> str:
    """A rule of an allow or deny list. In a file empty ones and comments are passed over; on a command line an empty
    one is a variable that was not set, and would leave a list empty that was meant to bound something."""
    if not text.strip() or text.strip().startswith("#"):
        raise typer.BadParameter(f"{text!r} is no rule; write a network, an address, a name or *.name")
    return text


_PERIODS: Final = {"hour": "hourly", "day": "daily"}
_BUDGETS: Final[dict[str, tuple[str, Callable[[str], float]]]] = {
    "requests": ("requests", total_count_option),
    "cpu": ("cpu_s", time_option),
    "egress": ("egress_bytes", total_size_option),
}
_BUDGET: Final = re.compile(rf"({'|'.join(_BUDGETS)})=([^/=]*)/({'|'.join(_PERIODS)})")
