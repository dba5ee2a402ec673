"""dstack's event log: what extended RTMR3, and that it is what the quote says.

The log is worth nothing by itself; replayed, it must give the register that the hardware has signed. Each event extends
it by ``SHA-384(type, little-endian u32 | ":" | name | ":" | payload)``. An app may add events of its own after it has
started, so an event that is there twice says nothing. What is hashed does not say where the name ends: here it ends at
its first colon, or whoever shows a log could call an event by another name, and an app's own by that one.
"""

import hashlib
import json
from typing import Any, Final

from wapo.trust.attestation.genuine import NotGenuine
from wapo.trust.attestation.measurements import ParsedQuote

__all__ = ["read_events"]

_REGISTER: Final = 3
_RUNTIME: Final = 0x08000001
_MOST_EVENTS: Final = 4096


def read_events(log: str, quote: ParsedQuote) -> dict[str, str]:
    """Payloads in hex, by name, of events that happened just once.

    Raises:
        NotGenuine: the log does not lead to the quote's RTMR3, or its events are not what its digests say.
    """
    try:
        events = json.loads(log)
        found = [_read(event) for event in events if event["imr"] == _REGISTER]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError):
        raise NotGenuine("the event log cannot be read") from None
    if len(found) > _MOST_EVENTS:
        raise NotGenuine(f"the event log has more than {_MOST_EVENTS} events")
    register = bytes(48)
    for digest, _, _ in found:
        register = hashlib.sha384(register + digest).digest()
    if register.hex() != quote.measured.get("rt_mr3"):
        raise NotGenuine("the event log does not lead to the RTMR3 that the hardware has signed")
    names = [name for _, name, _ in found]
    return {name: payload for _, name, payload in found if names.count(name) == 1}


def _read(event: dict[str, Any]) -> tuple[bytes, str, str]:
    """Digest, name and payload; neither of the latter from where the log says that they are divided."""
    digest, name, payload = bytes.fromhex(event["digest"]), event["event"], bytes.fromhex(event["event_payload"])
    kind = event["event_type"]
    said = hashlib.sha384(b":".join((kind.to_bytes(4, "little"), name.encode(), payload))).digest()
    if kind != _RUNTIME or digest != said:
        raise NotGenuine(f"the event {name[:100]!r} of the log is not what its digest says")
    name, colon, rest = name.partition(":")
    return digest, name, (rest.encode() + b":" + payload if colon else payload).hex()
