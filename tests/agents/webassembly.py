"""WebAssembly in JavaScript for tests: modules assembled by wasmtime, scripts run in a real machine."""

import asyncio
import base64
import json
import re
from typing import Any

import wasmtime

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

_DECODE = "((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))"


def literal(module: bytes) -> str:
    """A JavaScript expression for a module's bytes."""
    return f"{_DECODE}('{base64.b64encode(module).decode()}')"


def assemble(text: str) -> str:
    """A script with each ``wat`...``` replaced by the bytes of that module."""
    return re.sub(r"\bwat`([^`]*)`", lambda found: literal(wasmtime.wat2wasm(found[1])), text)


class Unfinished(Exception):
    """The script came to a limit."""


def run(profile: JavaScriptProfile, source: str, *, burst_s: float = 20.0) -> Any:
    """What a script leaves in ``scriptOutput``, as JSON.

    Raises:
        Unfinished: it computed for longer than ``burst_s``.
    """

    async def main() -> str:
        async with HttpClient(EgressPolicy()) as client:
            outcome = await run_script(
                profile, client, assemble(source).encode(), name="script.js", arguments=(), environment={},
                limits=GuestLimits(burst_s=burst_s, time_s=60), log=lambda _level, _text: None,
            )  # fmt: skip
        if outcome.failure and outcome.failure.endswith("of CPU between two waits"):
            raise Unfinished
        assert outcome.failure is None, outcome.failure
        return outcome.output.decode()

    return json.loads(asyncio.run(main()))
