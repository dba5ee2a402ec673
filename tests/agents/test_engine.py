"""What we have changed in the JavaScript engine (guest/sources.toml)."""

import asyncio
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits


def run(profile: JavaScriptProfile, source: str, *arguments: str, burst_s: float = 10.0) -> str:
    async def main() -> str:
        async with HttpClient(EgressPolicy()) as client:
            outcome = await run_script(
                profile, client, source.encode(), name="script.js", arguments=arguments, environment={},
                limits=GuestLimits(burst_s=burst_s, time_s=30), log=lambda _level, _text: None,
            )  # fmt: skip
        assert outcome.failure is None
        return outcome.output.decode()

    return asyncio.run(main())


@pytest.mark.parametrize("key", ["i", "-i", "i / 3", "i * 65536", "String(i)", "BigInt(i)", "objects[i]", "Symbol()"])
def test_keys_of_no_kind_collide(profile: JavaScriptProfile, key: str) -> None:
    """In one chain, so many keys would take minutes."""
    source = f"""
      const objects = Array.from({{ length: 200000 }}, () => ({{}})), map = new Map();
      for (let i = 0; i < 200000; i++) map.set({key}, i);
      scriptOutput = String(map.size);
    """
    assert run(profile, source) == "200000"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=200))
def test_json_numbers_are_read_exactly(profile: JavaScriptProfile, numbers: list[float]) -> None:
    """Python writes the shortest text of a double, so reading it has one right result."""
    source = "scriptOutput = Array.from(new Uint8Array(Float64Array.from(JSON.parse(scriptArgs[0])).buffer)).join()"
    text = run(profile, source, json.dumps(numbers))
    assert bytes(map(int, filter(None, text.split(",")))) == struct.pack(f"<{len(numbers)}d", *numbers)


HARD = ["0.1e-5", "1e400", "-1e400", "1e-400", "-0", "0.0e99", "123456789012345678901234567890", "4.9e-324", "2.4e-324",
        "9007199254740993", "1.7976931348623158e308", "0." + "0" * 400 + "1e401", "1" + "0" * 400 + "e-400"]  # fmt: skip


def test_json_numbers_of_unusual_forms(profile: JavaScriptProfile) -> None:
    """They mean what they mean in a program."""
    source = "scriptOutput = String(JSON.parse(scriptArgs[0]).every((x, i) => Object.is(x, eval(scriptArgs[i + 1]))))"
    assert run(profile, source, f"[{','.join(HARD)}]", *HARD) == "true"


@settings(deadline=None, max_examples=30)
@given(
    st.text(alphabet="aab\u00e9\u4e00", max_size=40),
    st.text(alphabet="aab\u00e9\u4e00", max_size=3),
    st.integers(-3, 45),
)
def test_index_of_finds_what_it_found(profile: JavaScriptProfile, text: str, word: str, start: int) -> None:
    """In strings of bytes and of 16-bit units, from wherever (https://tc39.es/ecma262/#sec-string.prototype.indexof)."""
    source = "scriptOutput = JSON.stringify([scriptArgs[0].indexOf(scriptArgs[1], scriptArgs[2]), scriptArgs[0].indexOf(scriptArgs[1])])"
    expected = [text.find(word, min(max(start, 0), len(text))), text.find(word)]
    assert json.loads(run(profile, source, text, word, str(start))) == expected
