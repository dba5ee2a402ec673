"""Accounts as people write them."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libipld import encode_multibase

from wapo.trust.ss58 import InvalidAccount, decode_account

ALICE = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")


def ss58(account: bytes, prefix: bytes) -> str:
    body = prefix + account
    return str(encode_multibase("z", body + hashlib.blake2b(b"SS58PRE" + body).digest()[:2]))[1:]


def prefix_of(network: int) -> bytes:
    if network < 64:
        return bytes((network,))
    return bytes((network >> 2 & 0x3F | 0x40, network >> 8 | (network & 3) << 6))


@pytest.mark.parametrize(
    "text",
    [
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",  # 42, Substrate
        "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",  # 0, Polkadot
        "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",  # 2, Kusama
        "0x" + ALICE.hex(),
        "0x" + ALICE.hex().upper(),
    ],
)
def test_an_account_is_the_same_on_every_network(text: str) -> None:
    assert decode_account(text) == ALICE


def test_no_account_is_32_zero_bytes() -> None:
    assert decode_account("") == bytes(32)


@pytest.mark.parametrize("network", [n for n in (*range(64), 64, 65, 255, 256, 1284, 16383) if n not in (46, 47)])
def test_any_network_is_accepted(network: int) -> None:
    assert decode_account(ss58(ALICE, prefix_of(network))) == ALICE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", "checksum"),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKut", "length"),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKut0Y", "base58"),
        (" 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "base58"),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n", "base58"),
        ("1" * 65, "base58"),
        ("1", "length"),
        ("0x", "hex digits"),
        ("0x" + "0" * 62, "hex digits"),
        ("0x" + "0" * 66, "hex digits"),
        ("0x" + "g" * 64, "hex digits"),
        ("0x" + "0" * 62 + "٠٠", "hex digits"),
        ("0x" + " 0" * 32, "hex digits"),
        (ss58(ALICE, b"\x2e"), "reserved"),
        (ss58(ALICE, b"\x2f"), "reserved"),
        (ss58(ALICE, b"\x80\x00"), "length"),
        (ss58(ALICE[:31], b"\x2a"), "length"),
        (ss58(ALICE + b"x", b"\x2a"), "length"),
        (ss58(ALICE, b"\x4a\x80"), "shortest"),  # 42 in two bytes
    ],
)
def test_what_is_no_account_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidAccount, match=f"^invalid account: .*{message}"):
        decode_account(text)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 16383).filter(lambda n: n not in (46, 47)))
def test_what_is_written_is_read(account: bytes, network: int) -> None:
    assert decode_account(ss58(account, prefix_of(network))) == account


@given(st.text(max_size=80) | st.text(st.sampled_from("123456789ABCxyz"), max_size=64))
def test_any_text_is_an_account_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidAccount):
        assert len(decode_account(text)) == 32
