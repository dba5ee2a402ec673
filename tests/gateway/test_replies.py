"""Errors as responses (node-and-gateway 1.3.8, NEW)."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from wapo.agents.messages import AgentFailed, BurstLimitReached, MachineGivenUp, TimeLimitReached, UnreadableOutput
from wapo.content.errors import BlockStoreFailed, ContentNotFound, ContentTooLarge, UpstreamUnreachable
from wapo.errors import WapoError
from wapo.gateway.logs import LogsForbidden
from wapo.gateway.replies import Reply, error_reply, failure_reply, json_reply, text_reply
from wapo.node.admission import NodeFull, TooManyRequests
from wapo.node.vaults import InvalidVaultKey
from wapo.store.database import StoreFailed

ID = "11111111-2222-4333-8444-555555555555"


def header(reply: Reply, name: bytes) -> list[bytes]:
    return [value for key, value in reply.headers if key == name]


@pytest.mark.parametrize(
    ("error", "status"),
    [(AgentFailed("Error: secret\n    at x"), 500), (TimeLimitReached("60 s"), 504), (BurstLimitReached("1 s"), 500)],
)
def test_an_agents_failure_tells_its_request_and_nothing_else(error: WapoError, status: int) -> None:
    """Exactly this text: clients of the original match it. One newline, none at the end."""
    reply = error_reply(error, ID)
    assert (reply.status, reply.body) == (status, f"Server Error\nRequest ID: {ID}".encode())
    assert header(reply, b"content-type") == [b"text/plain; charset=UTF-8"]
    assert header(reply, b"x-wapo-error") == [error.code.encode()]


def test_a_machine_that_was_given_up_may_be_asked_for_again() -> None:
    reply = error_reply(MachineGivenUp("the node is short of memory"), ID)
    assert (reply.status, reply.body) == (503, f"Server Error\nRequest ID: {ID}".encode())
    assert header(reply, b"retry-after") == [b"1"]


def test_an_output_that_is_no_message_pack_keeps_its_text() -> None:
    reply = error_reply(UnreadableOutput("detail"), ID)
    assert (reply.status, reply.body) == (400, b"Bad request")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ContentNotFound("nobody has it"), 404), (UpstreamUnreachable("no answer"), 502), (ContentTooLarge("too large"), 413),
        (InvalidVaultKey("invalid key"), 403), (TooManyRequests("busy"), 429), (NodeFull("full"), 503),
        (StoreFailed("locked"), 503), (BlockStoreFailed("disk full"), 503),
    ],
)  # fmt: skip
def test_other_errors_say_what_is_wrong(error: WapoError, status: int) -> None:
    """Compact, with ``error`` first."""
    reply = error_reply(error, ID)
    assert (reply.status, reply.body) == (status, f'{{"error":"{error}","succeed":false}}'.encode())
    assert header(reply, b"content-type") == [b"application/json"]
    assert header(reply, b"x-wapo-error") == [error.code.encode()]
    assert header(reply, b"content-length") == [str(len(reply.body)).encode()]
    assert header(reply, b"retry-after") == ([b"1"] if status in (429, 503) else [])


def test_who_may_not_is_told_how_he_might() -> None:
    assert header(error_reply(LogsForbidden("yours?"), ID), b"www-authenticate") == [b"Bearer"]


def test_a_message_may_quote_what_is_no_text() -> None:
    assert error_reply(ContentNotFound("a\udcffb"), ID).body == b'{"error":"a?b","succeed":false}'


def test_what_is_ours_is_logged_and_what_is_not_is_not() -> None:
    """A node that is full is no news at each request."""
    with capture_logs() as logs:
        for error in (NodeFull("full"), ContentNotFound("no"), AgentFailed("no"), UpstreamUnreachable("no")):
            failure_reply(error, ID)
    assert logs == []
    with capture_logs() as logs:
        reply = failure_reply(StoreFailed("locked"), ID)
        assert reply.status == 503
        reply = failure_reply(KeyError("bug"), ID)
        assert (reply.status, reply.body) == (500, b"Internal Server Error")
    assert [(entry["log_level"], entry["request_id"]) for entry in logs] == [("error", ID)] * 2


async def sent(reply: Reply, *, head: bool = False) -> tuple[MutableMapping[str, Any], MutableMapping[str, Any]]:
    messages: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await reply.send(send, ID, 0.0, head=head)
    start, body = messages
    return start, body


async def test_a_reply_is_framed() -> None:
    start, body = await sent(text_reply(404, "404 Not Found"))
    assert (start["status"], body["body"]) == (404, b"404 Not Found")
    headers = dict(start["headers"])
    assert headers[b"content-length"] == b"13"
    assert headers[b"x-request-id"] == ID.encode()
    start, body = await sent(json_reply(200, {"b": 1, "a": "é"}), head=True)
    assert (dict(start["headers"])[b"content-length"], body["body"]) == (b"16", b"")


async def test_a_reply_without_content_has_no_length() -> None:
    """RFC 9110 8.6: not in a 204."""
    start, body = await sent(Reply(204, None, b"", [(b"a", b"b")]))
    assert body["body"] == b""
    assert [name for name, _ in start["headers"]] == [b"a", b"x-request-id", b"x-powered-by", b"server-timing"]
