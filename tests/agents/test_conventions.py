"""What the output of a script means (node-and-gateway 1.3.7)."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wapo.agents.conventions import OutputKind, clean_headers, response_of
from wapo.agents.messages import AgentFailed, AgentResponse, UnreadableOutput
from wapo.vm.http_client import valid_header

TEXT_TYPE = [(b"content-type", b"text/plain;charset=UTF-8")]
JSON_TYPE = [(b"content-type", b"application/json")]


def of(value: Any) -> AgentResponse:
    """The response of an object, the same however it was handed over."""
    as_json = msgspec.json.encode(value)
    response = response_of(OutputKind.JSON, as_json)
    assert response == response_of(OutputKind.TEXT, as_json)
    assert response == response_of(OutputKind.BYTES, msgspec.msgpack.encode(value))
    return response


class TestStatus:
    def test_the_example_of_the_specification(self) -> None:
        response = of({"status": 201, "headers": {"content-type": "text/plain"}, "body": "ok"})
        assert response == AgentResponse(201, [(b"content-type", b"text/plain")], b"ok")

    @pytest.mark.parametrize("status", [{}, {"status": None}, {"status": 0}, {"status": False}])
    def test_it_defaults_to_200_where_there_is_a_body_or_headers(self, status: dict[str, Any]) -> None:
        assert of(status | {"body": "x"}).status == 200
        assert of(status | {"headers": {}}).status == 200

    @pytest.mark.parametrize("value", [{}, {"status": 0}, {"other": 1}])
    def test_an_object_that_describes_nothing_fails(self, value: dict[str, Any]) -> None:
        with pytest.raises(AgentFailed, match="neither a status nor a body nor headers"):
            of(value)

    @pytest.mark.parametrize(
        ("given", "sent"),
        [(1, 200), (199, 200), (200, 200), (599, 599), (600, 599), (204.9, 204), (1e300, 599), (-1, 200)],
    )
    def test_it_is_clamped(self, given: float, sent: int) -> None:
        assert of({"status": given}).status == sent

    def test_infinity_is_clamped_and_nan_fails(self) -> None:
        infinite = msgspec.msgpack.encode({"status": float("inf")})
        assert response_of(OutputKind.BYTES, infinite).status == 599
        with pytest.raises(AgentFailed, match="the status of the script's output is "):
            response_of(OutputKind.BYTES, msgspec.msgpack.encode({"status": float("nan")}))

    @pytest.mark.parametrize(
        ("status", "kind"), [("ok", "a string"), (True, "a boolean"), ([200], "an array"), ({"a": 1}, "an object")]
    )
    def test_what_is_no_number_fails(self, status: Any, kind: str) -> None:
        with pytest.raises(AgentFailed, match=f"the status of the script's output is {kind}"):
            of({"status": status})


class TestBody:
    @pytest.mark.parametrize(("body", "sent"), [("text é", "text é".encode()), ("", b""), (None, b"")])
    def test_text_is_sent_as_it_is_and_gets_no_type(self, body: str | None, sent: bytes) -> None:
        assert of({"status": 200, "body": body}) == AgentResponse(200, [], sent)

    @pytest.mark.parametrize("body", [{"a": [1, None]}, [1, 2], 5, 1.5, True, False, 0, 123456789012345678901234567890])
    def test_anything_else_is_sent_as_json(self, body: Any) -> None:
        as_json = json.dumps({"status": 200, "body": body}).encode()
        response = response_of(OutputKind.JSON, as_json)
        assert (json.loads(response.body), response.headers) == (body, JSON_TYPE)

    def test_a_type_of_its_own_is_kept(self) -> None:
        assert of({"status": 200, "body": {}, "headers": {"Content-Type": "application/ld+json"}}).headers == [
            (b"content-type", b"application/ld+json")
        ]

    def test_bytes_are_carried_untouched(self) -> None:
        body = bytes(range(256))
        assert response_of(OutputKind.BYTES, msgspec.msgpack.encode({"status": 200, "body": body})).body == body

    def test_what_json_has_no_word_for_fails(self) -> None:
        extension = msgspec.msgpack.encode({"status": 200, "body": [msgspec.msgpack.Ext(5, b"data")]})
        with pytest.raises(AgentFailed, match="of the script's output cannot be sent as JSON"):
            response_of(OutputKind.BYTES, extension)

    @pytest.mark.parametrize("kind", [OutputKind.TEXT, OutputKind.JSON])
    def test_half_a_character_is_replaced_as_text_encoder_does(self, kind: OutputKind) -> None:
        """``text.slice(0, n)`` cuts an emoji in two; the answer is the rest all the same."""
        response = response_of(kind, b'{"status":201,"body":"cut \\ud83d","headers":{"x":"\\ud83d\\ude00"}}')
        assert response == AgentResponse(201, [(b"x", "😀".encode())], "cut \ufffd".encode())
        nested = response_of(kind, b'{"status":200,"body":{"\\udc00":["\\ud800"]}}')
        assert json.loads(nested.body) == {"\ufffd": ["\ufffd"]}


class TestHeaders:
    def test_names_are_lower_case_and_an_array_repeats_the_header(self) -> None:
        response = of({"status": 200, "headers": {"Set-Cookie": ["a=1", "b=2"], "X-Number": 5, "X-Flag": True}})
        assert response.headers == [
            (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-number", b"5"), (b"x-flag", b"true"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "name",
        [
            "Connection",
            "keep-alive",
            "Transfer-Encoding",
            "content-length",
            "Upgrade",
            "te",
            "trailer",
            "proxy-connection",
        ],
    )
    def test_those_of_the_connection_are_dropped(self, name: str) -> None:
        assert of({"status": 200, "headers": {name: "1", "x": "y"}}).headers == [(b"x", b"y")]
        assert clean_headers([(name.lower().encode(), b"1"), (b"x", b"y")]) == [(b"x", b"y")]

    @pytest.mark.parametrize(
        "headers", [{"x\r\ny": "1"}, {"x": "1\r\nevil: 1"}, {"": "1"}, {"a b": "1"}, {"ünicode": "1"}, {"x": "\0"}, {"x": ["fine", "not\nfine"]}]
    )  # fmt: skip
    def test_what_would_smuggle_another_line_fails(self, headers: dict[str, Any]) -> None:
        with pytest.raises(AgentFailed, match="an illegal header"):
            of({"status": 200, "headers": headers})

    @pytest.mark.parametrize(("headers", "kind"), [("x: y", "a string"), ([["x", "y"]], "an array"), (5, "a number")])
    def test_what_is_no_object_fails(self, headers: Any, kind: str) -> None:
        with pytest.raises(AgentFailed, match=f"the headers of the script's output are {kind}"):
            of({"status": 200, "headers": headers})


class TestText:
    @pytest.mark.parametrize(
        "text",
        ["hello", "", "{not json}", "<p>", "NaN", "Infinity", "-", "tru", "0xyz", "0x1", "{'a': 1e5}", '{"a":1} x'],
    )
    def test_text_that_is_no_json_is_the_body(self, text: str) -> None:
        assert response_of(OutputKind.TEXT, text.encode()) == AgentResponse(200, TEXT_TYPE, text.encode())

    @pytest.mark.parametrize(
        ("text", "kind"),
        [("42", "a number"), ("null", "null"), ("true", "a boolean"), ("[1]", "an array"), ('"x"', "a string")],
    )
    def test_json_that_is_no_object_fails(self, text: str, kind: str) -> None:
        with pytest.raises(AgentFailed, match=f"the script's output is {kind}; expected an object"):
            response_of(OutputKind.TEXT, text.encode())

    def test_hex_text_stands_for_bytes(self) -> None:
        """Engines that handed bytes over as text; the vector is of wapojs-api 6.3."""
        vector = (
            "0x83a4626f6479ad343034204e6f7420466f756e64a76865616465727381ac636f6e74656e742d74797065b9746578742f706c61696e"
            "3b20636861727365743d5554462d38a6737461747573cd0194"
        )
        assert response_of(OutputKind.TEXT, vector.encode()) == AgentResponse(
            404, [(b"content-type", b"text/plain; charset=UTF-8")], b"404 Not Found"
        )

    def test_hex_that_is_not_messagepack_is_unreadable(self) -> None:
        with pytest.raises(UnreadableOutput):
            response_of(OutputKind.TEXT, b"0xc1")


class TestFailures:
    def test_no_output(self) -> None:
        with pytest.raises(AgentFailed, match="the script ended without an output"):
            response_of(OutputKind.NOTHING, b"")

    @pytest.mark.parametrize(
        "value", [{"error": {}, "success": False}, {"error": "boom"}, {"error": "boom", "body": "x"}]
    )
    def test_the_originals_error_object(self, value: dict[str, Any]) -> None:
        with pytest.raises(AgentFailed, match="the script's output is an error: "):
            of(value)

    def test_an_error_beside_a_success_or_a_status_is_no_failure(self) -> None:
        assert of({"error": "minor", "success": True, "body": "x"}).body == b"x"
        assert of({"error": "minor", "status": 418}).status == 418

    @pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81", b"\x82\xa4body", b"\xdf\xff\xff\xff\xff"])
    def test_bytes_that_are_not_messagepack(self, data: bytes) -> None:
        with pytest.raises(UnreadableOutput, match="bytes that are not MessagePack"):
            response_of(OutputKind.BYTES, data)

    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            (OutputKind.JSON, b"[" * 100_000 + b"]" * 100_000),
            (OutputKind.TEXT, b'{"body":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
            (OutputKind.BYTES, b"\x81\xa4body" + b"\x91" * 100_000 + b"\xc0"),
        ],
        ids=["an object", "text", "bytes"],
    )
    def test_what_is_nested_without_end_is_harmless(self, kind: OutputKind, data: bytes) -> None:
        check(kind, data)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
    | st.builds(msgspec.msgpack.Ext, st.integers(-128, 127).filter(lambda code: code != -1), st.binary(max_size=8)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(0, 9), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
described = st.fixed_dictionaries(
    {}, optional={"status": anything, "headers": anything, "body": anything, "error": anything, "success": anything}
)


def check(kind: OutputKind, data: bytes) -> None:
    """A response that can be sent, or one of the documented errors."""
    try:
        response = response_of(kind, data)
    except (AgentFailed, UnreadableOutput) as failure:
        str(failure).encode()
        return
    assert 200 <= response.status <= 599
    assert isinstance(response.body, bytes)
    assert all(valid_header(*header) for header in response.headers)
    assert response.stream is None


@settings(deadline=None)
@given(st.sampled_from(OutputKind), st.binary())
@example(OutputKind.JSON, b"")
@example(OutputKind.JSON, b"\xff")
@example(OutputKind.TEXT, b'{"status":200,"body":"\\ud800"}')
@example(OutputKind.TEXT, b'{"status":1' + b"0" * 5000 + b"}")
@example(OutputKind.JSON, b'{"status":200,"headers":{"\\ud800":1}}')
def test_any_bytes_give_a_response_or_a_documented_error(kind: OutputKind, data: bytes) -> None:
    check(kind, data)


@settings(deadline=None, max_examples=60)
@given(described | anything)
def test_any_value_gives_a_response_or_a_documented_error(value: Any) -> None:
    check(OutputKind.BYTES, msgspec.msgpack.encode(value))


@settings(deadline=None)
@given(st.text())
def test_text_is_never_lost(text: str) -> None:
    """Whatever a script says in words arrives."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        if not text.startswith("0x"):
            assert response_of(OutputKind.TEXT, text.encode()).body == text.encode()
