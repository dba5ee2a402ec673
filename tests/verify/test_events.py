"""dstack's event log is what the hardware says it is."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.trust.attestation.platform import needs_quotes, sample
from wapo.trust.attestation.genuine import NotGenuine
from wapo.trust.attestation.measurements import ParsedQuote, parse_quote
from wapo.verify.events import read_events
from wapo.verify.policy import Policy

pytestmark = needs_quotes


def event(name: str, payload: bytes, imr: int = 3) -> dict[str, Any]:
    kind = 0x08000001
    digest = hashlib.sha384(kind.to_bytes(4, "little") + b":" + name.encode() + b":" + payload).hexdigest()
    return {"imr": imr, "event_type": kind, "digest": digest, "event": name, "event_payload": payload.hex()}


def quoted(events: list[dict[str, Any]]) -> ParsedQuote:
    """A quote whose RTMR3 those events have made."""
    register = bytes(48)
    for one in events:
        if one["imr"] == 3:
            register = hashlib.sha384(register + bytes.fromhex(one["digest"])).digest()
    quote = parse_quote(sample("tdx_quote")[0])
    return replace(quote, measured=quote.measured | {"rt_mr3": register.hex()})


EVENTS = [event("x", b"", 0), event("app-id", b"app"), event("compose-hash", b"compose")]


def test_events_that_lead_to_the_register_are_read() -> None:
    assert read_events(json.dumps(EVENTS), quoted(EVENTS)) == {"app-id": b"app".hex(), "compose-hash": b"compose".hex()}


def test_a_policy_may_name_the_app_by_its_compose_hash() -> None:
    quote = quoted(EVENTS)
    named = "\n".join(f"{name} = '{quote.measured[name]}'" for name in ("mr_td", "rt_mr1", "rt_mr2"))
    events = read_events(json.dumps(EVENTS), quote)
    policy = Policy.parse(f"[tdx]\n{named}\n[dstack]\ncompose_hash = '{b'compose'.hex()}'")
    assert [step.state for step in policy.check_software(quote, events)] == ["ok"]
    assert [step.state for step in policy.check_software(quote, {})] == ["failed"]
    other = Policy.parse(f"[tdx]\n{named}\n[dstack]\ncompose_hash = '00'")
    assert [step.state for step in other.check_software(quote, events)] == ["failed"]


def test_an_event_that_an_app_has_added_once_more_says_nothing() -> None:
    events = [*EVENTS, event("compose-hash", b"another")]
    assert "compose-hash" not in read_events(json.dumps(events), quoted(events))


def test_an_event_cannot_be_called_by_another_name_to_make_room_for_an_app_s_own() -> None:
    """Its digest is the same wherever the colon is that ends its name; the app has chosen its payload to have one."""
    bad, wanted = b":evil", b"compose"
    events = [event("compose-hash", bad), event("compose-hash", wanted)]
    shown = [event("compose-hash:", bad[1:]), event("compose-hash", wanted)]
    assert [one["digest"] for one in shown] == [one["digest"] for one in events]
    for log in (events, shown):
        assert "compose-hash" not in read_events(json.dumps(log), quoted(events))
    assert read_events(json.dumps(shown[:1]), quoted(shown[:1])) == {"compose-hash": bad.hex()}


@pytest.mark.parametrize(
    "change",
    [{"event_payload": b"another".hex()}, {"event": "app"}, {"event_type": 1}, {"digest": "00" * 48}, {"imr": 2}],
)
def test_a_log_with_another_event_is_refused(change: dict[str, Any]) -> None:
    changed = [*EVENTS[:2], EVENTS[2] | change]
    with pytest.raises(NotGenuine):
        read_events(json.dumps(changed), quoted(EVENTS))
    with pytest.raises(NotGenuine):
        read_events(json.dumps(EVENTS[1:][::-1]), quoted(EVENTS))


@pytest.mark.parametrize(
    "log",
    [
        "",
        "{}",
        "[1]",
        "null",
        '[{"imr": 3}]',
        '[{"imr":3,"event_type":99999999999,"digest":"00","event":"a","event_payload":"00"}]',
        "[" * 100_000,
        '[{"imr": 3, "digest": 1}]',
    ],
    ids=lambda log: log[:12],
)
def test_what_is_no_log_is_refused(log: str) -> None:
    with pytest.raises(NotGenuine):
        read_events(log, quoted(EVENTS))
