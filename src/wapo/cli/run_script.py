"""A script in the foreground: its log goes to stderr, its result to stdout."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from wapo.agents.conventions import OutputKind
from wapo.agents.foreground import Outcome, run_script
from wapo.agents.modules import LocalModules
from wapo.agents.profile import JAVASCRIPT, JavaScriptProfile
from wapo.cli.options import settings_of
from wapo.cli.output import fail, log_line, note, working
from wapo.content.library import Library, open_library
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.node.settings import default_cache_dir
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network, NetworkSettings

__all__ = ["run_script_file"]


async def run_script_file(
    source: bytes,
    name: str,
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    limits: GuestLimits,
    egress: EgressPolicy,
    network: NetworkSettings,
) -> int:
    """Runs it to its end; the exit code. It may import files of ``folder`` and below, and content by its address.

    Raises:
        WapoError: it cannot be run at all.
    """
    with working("Starting"):
        engine = Engine(JAVASCRIPT)
        profile = await asyncio.to_thread(JavaScriptProfile, engine, ModuleCache(default_cache_dir() / "modules"))
    with engine.opened():
        try:
            async with (
                HttpClient(egress, network.extra_roots) as client,
                Network(egress, client.resolver, network) as opened,
                AsyncExitStack() as stack,
            ):
                opened.on_listen = lambda _owner, port: note(f"listening on port {port}")
                outcome = await run_script(
                    profile, client, source, name=name, arguments=arguments, environment=environment, limits=limits,
                    log=log_line, network=opened, modules=LocalModules(folder, lambda: _content(stack)),
                )  # fmt: skip
        finally:
            profile.close()
    return _finish(outcome)


async def _content(stack: AsyncExitStack) -> Library:
    """What this machine's node has, and the public gateways: opened by the first import that wants it."""
    settings = settings_of(None)
    return await stack.enter_async_context(open_library(settings.data_dir / "content", settings.upstreams))


def _finish(outcome: Outcome) -> int:
    if outcome.failure is not None:
        fail(outcome.failure)
        return 1
    if outcome.kind is not OutputKind.NOTHING:
        sys.stdout.buffer.write(outcome.output)
        if outcome.kind is not OutputKind.BYTES:
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    return 0
