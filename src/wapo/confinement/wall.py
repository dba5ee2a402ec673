"""The wall of a process: everything that the operating system offers, put in force layer by layer.

It holds for ever, and for threads that are started afterwards: so it is raised before there are any, and before the
first guest. A layer that this machine does not offer is left out, and said so.
"""

import json
import os
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from wapo.confinement import landlock, seccomp
from wapo.confinement.calls import machine
from wapo.confinement.paths import readable_paths
from wapo.confinement.privileges import (
    CAP_NET_BIND_SERVICE,
    capabilities,
    close_to_others,
    drop_capabilities,
    forbid_new_privileges,
    lower_limits,
    user_name,
)

__all__ = ["Layer", "Plan", "State", "privileged_ports", "raise_wall", "tried"]

State = Literal["full", "partial", "none"]

_UNPRIVILEGED: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@dataclass(frozen=True)
class Plan:
    """What a process may still reach.

    Attributes:
        readable, writable: files, and directories with all that is in them, beside what Python itself reads.
        ports: TCP ports that it may listen on later, first and last; 0 for any free one.
    """

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    ports: tuple[tuple[int, int], ...] = ()

    def capabilities(self) -> frozenset[int]:
        """Those that cannot be done without."""
        return frozenset({CAP_NET_BIND_SERVICE}) if privileged_ports(self.ports) else frozenset()


@dataclass(frozen=True)
class Layer:
    """One thing that the system forbids.

    Attributes:
        state: whether it is in force.
        detail: what holds, or why not; a phrase for a person.
    """

    name: str
    state: State
    detail: str


def privileged_ports(ports: Collection[tuple[int, int]]) -> bool:
    """Whether one of them is for the privileged only."""
    try:
        first_free = int(_UNPRIVILEGED.read_text())
    except (OSError, ValueError):
        first_free = 1024
    return any(0 < first < first_free for first, _ in ports)


def raise_wall(plan: Plan) -> list[Layer]:
    """Puts in force what this machine offers; what it does not is among the layers all the same."""
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    layers = [_user(), *_limits(), _layer("no_new_privs", forbid_new_privileges, "no program gains privileges")]
    layers += _landlock(plan)
    layers += [_capabilities(plan), _layer("introspection", close_to_others, "closed to other processes of the user")]
    layers.append(_seccomp())
    if threads > 1:
        text = f"{threads - 1} threads ran before, for which it does not hold"
        layers = [
            Layer(layer.name, "partial", text) if layer.name in _OF_ONE_THREAD and layer.state == "full" else layer
            for layer in layers
        ]
    return layers


#: What the kernel keeps for each thread, and cannot set for those that there are.
_OF_ONE_THREAD: Final = ("files", "listening", "signals", "capabilities")


def _layer(name: str, put_in_force: Callable[[], None], detail: str) -> Layer:
    try:
        put_in_force()
    except OSError as error:
        return Layer(name, "none", f"the kernel refuses: {error.strerror}")
    return Layer(name, "full", detail)


def _user() -> Layer:
    uid = os.geteuid()
    if uid == 0:
        return Layer("user", "partial", "root, so that it owns what other programs of root own; see --user")
    return Layer("user", "full", f"{user_name(uid)}, not root")


def _limits() -> Iterator[Layer]:
    yield _layer("limits", lower_limits, "no core dumps; what it makes is readable by its owner alone")


def _capabilities(plan: Plan) -> Layer:
    keep = plan.capabilities()
    kept = " but CAP_NET_BIND_SERVICE, for the ports of apps" if keep else ""
    layer = _layer("capabilities", lambda: drop_capabilities(keep), f"none{kept}")
    if layer.state == "full" and capabilities("CapEff") & ~sum(1 << number for number in keep):
        return Layer("capabilities", "none", "some could not be given up")
    return layer


def _landlock(plan: Plan) -> Iterator[Layer]:
    """Files, ports and signals."""
    abi = landlock.abi_version()
    if abi < landlock.LEAST_ABI:
        why = f"Landlock is of version {abi}, and 2 is the least" if abi else "the kernel has no Landlock"
        for name in ("files", "listening", "signals"):
            yield Layer(name, "none", why)
        return
    try:
        with landlock.Ruleset(abi) as rules:
            rules.allow_reading([*readable_paths(), *plan.readable])
            rules.allow_writing([*plan.writable, Path(os.devnull)])
            rules.allow_listening(port for first, last in plan.ports for port in range(first, last + 1))
            rules.enforce()
    except OSError as error:
        for name in ("files", "listening", "signals"):
            yield Layer(name, "none", f"the kernel refuses: {error.strerror}")
        return
    version = f"Landlock {abi}"
    if abi < landlock.NETWORK_ABI - 1:
        yield Layer("files", "partial", f"its own, but it may truncate whatever is the user's: {version}")
    else:
        yield Layer("files", "full", f"the program's to read, the data to write, nothing to run: {version}")
    if abi < landlock.NETWORK_ABI:
        yield Layer("listening", "none", f"on any port: Landlock is of version {abi}, and 4 is the least")
    else:
        allowed = ", ".join(f"{first} to {last}" if first != last else str(first) for first, last in plan.ports)
        yield Layer("listening", "full", f"on no port but {allowed}" if allowed else "on no more ports")
    if abi < landlock.SCOPES_ABI:
        yield Layer("signals", "partial", f"a filter keeps them from others; Landlock is of version {abi}, 6 does, too")
    else:
        yield Layer("signals", "full", "to itself alone")


def _seccomp() -> Layer:
    here = machine()
    if here is None:
        return Layer("system_calls", "none", f"no filter is known for this processor ({os.uname().machine})")
    count = len(here.forbidden)
    detail = f"{count} forbidden: no programs, processes, mounts, debugging, other sockets than TCP and UDP"
    return _layer("system_calls", lambda: seccomp.forbid(here), detail)


def tried(plan: Plan, then: Callable[[], Any] = lambda: None) -> tuple[list[Layer], Any]:
    """What :func:`raise_wall` would say, tried in a process of its own, and what ``then`` finds behind the wall.

    Args:
        then: gives a value that is JSON; it is called in that process.

    Raises:
        OSError: there can be no other process.
    """
    read, write = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # of threads that the child does not have; it needs none of them
        child = os.fork()
    if child == 0:
        code = 1
        try:
            layers = raise_wall(plan)
            text = json.dumps([[asdict(layer) for layer in layers], then()]).encode()
            os.set_blocking(write, True)
            while text:
                text = text[os.write(write, text) :]
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    if not answer:
        raise OSError(0, "the process that tried it has died")
    layers, found = json.loads(answer)
    return [Layer(**layer) for layer in layers], found
