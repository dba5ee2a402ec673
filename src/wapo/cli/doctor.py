"""``wapo doctor``: what holds on this machine, and in a node that runs on it."""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import typer

from wapo.cli.confinement import plan_of
from wapo.cli.options import DataDir, Json, settings_of
from wapo.cli.output import print_json
from wapo.confinement import landlock
from wapo.confinement.record import Process, processes
from wapo.confinement.trial import ATTEMPTS, open_ways
from wapo.confinement.wall import Layer, Plan, tried
from wapo.engine.image import can_reset, open_page_map
from wapo.node.checks import Check, State, data_checks, machine_checks
from wapo.node.settings import NodeSettings

__all__ = ["doctor"]

#: What a wall is not one without.
_ESSENTIAL: Final = ("no_new_privs", "files", "capabilities", "system_calls")

_ADVICE: Final = {
    "user": "Give the node a user of its own: --user NAME, or User= of systemd.",
    "files": "Use Linux 5.19 or newer with Landlock (CONFIG_SECURITY_LANDLOCK, and landlock in lsm=).",
    "listening": "Use Linux 6.7 or newer.",
    "signals": "Use Linux 6.12 or newer.",
    "system_calls": "Use a kernel with CONFIG_SECCOMP_FILTER, on x86-64 or ARM64.",
}
_OTHER_ADVICE: Final = "See what keeps the kernel from it: a container's profile, perhaps."


def doctor(data_dir: DataDir = None, json: Json = False) -> None:
    """Say what holds on this machine and in the node that runs on it, and what to do about the rest.

    The wall that 'wapo serve' puts around processes is tried in a process of its own; of those that run, their own word
    and the kernel's is taken. Exit code 1 if something is as it must not be.
    """
    settings = settings_of(data_dir, upstreams=["none"])
    checks = [*_kernel(), *_wall(settings), *_running(settings), *machine_checks(), *data_checks(settings)]
    failed = any(check.state == "fail" for check in checks)
    if json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            _print(check)
    if failed:
        raise typer.Exit(1)


_COLOURS: Final = {"ok": 32, "warn": 33, "fail": 31}


def _print(check: Check) -> None:
    word = f"{check.state.upper():4}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        word = f"\033[{_COLOURS[check.state]}m{word}\033[0m"
    typer.echo(f"{word}  {check.name:20} {check.text}")
    if check.advice:
        typer.echo(f"{'':27}{check.advice}")


def _kernel() -> Iterator[Check]:
    system = os.uname()
    version = landlock.abi_version()
    yield Check("kernel", "ok", f"Linux {system.release} on {system.machine}, Landlock {version or 'missing'}")


def _look() -> dict[str, Any]:
    return {"reset": can_reset(), "open": open_ways()}


def _wall(settings: NodeSettings) -> Iterator[Check]:
    """What 'wapo serve' would put in force here, as this user."""
    plan = plan_of(settings)
    open_page_map()
    try:
        layers, _ = tried(plan)
        found = _tried_out(plan, layers)
    except OSError as error:
        yield Check("wall", "fail", f"it cannot be tried: {error.strerror}", _OTHER_ADVICE)
        return
    for layer in layers:
        yield _of_layer(layer)
    if found is None:
        yield Check("wall", "warn", "not tried: without a filter of system calls, what is tried would happen")
        return
    if found["open"]:
        yield Check("wall", "fail", "open to: " + ", ".join(found["open"]), "See the layers that are missing.")
    else:
        yield Check("wall", "ok", f"{len(ATTEMPTS)} ways out were tried behind it, and none is open")
    if found["reset"]:
        yield Check("resets", "ok", "the kernel tells which pages a machine has written (PAGEMAP_SCAN)")
    else:
        text = "the kernel does not tell which pages a machine has written"
        yield Check("resets", "warn", text, "Use Linux 6.7 or newer: each request takes a new machine here.")


def _tried_out(plan: Plan, layers: list[Layer]) -> dict[str, Any] | None:
    if any(layer.name == "system_calls" and layer.state != "full" for layer in layers):
        return None
    found: dict[str, Any] = tried(plan, _look)[1]
    return found


def _of_layer(layer: Layer) -> Check:
    if layer.state == "full":
        return Check(layer.name, "ok", layer.detail)
    return Check(layer.name, _judged([layer]), layer.detail, _ADVICE.get(layer.name, _OTHER_ADVICE))


def _judged(weak: list[Layer]) -> State:
    return "fail" if any(layer.state == "none" and layer.name in _ESSENTIAL for layer in weak) else "warn"


def _running(settings: NodeSettings) -> Iterator[Check]:
    """Processes of the node in that directory."""
    try:
        found = processes(settings.data_dir)
    except OSError as error:
        yield Check("running", "warn", f"it cannot be told: {error.strerror}", "Run this as the node's user.")
        return
    if not found:
        yield Check("running", "ok", f"no node is running on {settings.data_dir}, as far as can be seen from here")
    for process in found:
        yield _of_process(process)


def _of_process(process: Process) -> Check:
    name = f"process {process.pid}"
    if process.layers is None:
        return Check(name, "warn", "has no wall around it", "Start the node without --no-confinement.")
    said = {layer.name: layer.state for layer in process.layers}
    kernel = process.kernel
    # The kernel's word goes before the process's, of what it has one for.
    broken = [
        what
        for what, holds in (
            ("no_new_privs", kernel.get("NoNewPrivs") == 1 or said["no_new_privs"] != "full"),
            ("system_calls", kernel.get("Seccomp") == 2 or said["system_calls"] != "full"),
        )
        if not holds
    ]
    if broken:
        return Check(name, "fail", f"says that {', '.join(broken)} holds; the kernel does not", "Report this.")
    weak = [layer for layer in process.layers if layer.state != "full"]
    if not weak:
        return Check(name, "ok", f"all {len(process.layers)} layers are in force")
    missing = ", ".join(f"{layer.name} ({'in part' if layer.state == 'partial' else 'missing'})" for layer in weak)
    text = f"{len(process.layers) - len(weak)} layers are in force; not in full: {missing}"
    return Check(name, _judged(weak), text, _ADVICE.get(weak[0].name, _OTHER_ADVICE))
