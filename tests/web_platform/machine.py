"""Asks a machine what is on its global object."""

import json

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

from .table import FOLDER, Found

__all__ = ["probe"]


async def probe(profile: JavaScriptProfile) -> Found:
    """Members and statics of each global of a program."""
    async with HttpClient(EgressPolicy()) as client:
        outcome = await run_script(
            profile, client, (FOLDER / "probe.js").read_bytes(), name="probe.js", arguments=[], environment={},
            limits=GuestLimits(), log=lambda _level, _text: None,
        )  # fmt: skip
    assert outcome.failure is None, outcome.failure
    found: Found = json.loads(outcome.output)
    return found
