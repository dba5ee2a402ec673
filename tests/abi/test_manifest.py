"""Manifests: their bytes, their address, and what no app can be deployed with."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import ADDRESS
from wapo.abi.manifest import MAX_MANIFEST_BYTES, InvalidManifest, Manifest
from wapo.scale.primitives import ScaleError

HASH = "sha256:d7b0789da2997164ad7f3467a7c992cb67b0dc8658ec519591b61703412a67eb"
DEMO = Manifest(
    code_hash=HASH,
    args=("--code-hash", HASH),
    env_vars=(("RUST_LOG", "info"),),
    max_query_size=10240,
    label="demo",
    required_blobs=((HASH, "QmDemo"),),
)

u32 = st.integers(0, 2**32 - 1)
text = st.text(max_size=20)
pairs = st.lists(st.tuples(text, text), max_size=3).map(tuple)
manifests = st.builds(
    Manifest, text, st.lists(text, max_size=3).map(tuple), pairs, st.booleans(), st.booleans(), u32, text, pairs, u32
)


def test_the_address_is_the_documented_one() -> None:
    encoded = DEMO.encode()
    assert len(encoded) == 270
    assert encoded.hex().startswith("010000001d0173686132")
    assert encoded.hex().endswith("18516d44656d6f")
    assert DEMO.address() == ADDRESS
    DEMO.check()


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"code_hash": HASH.upper()},
        {"args": DEMO.args[::-1]},
        {"env_vars": ()},
        {"on_demand": True},
        {"resizable": True},
        {"max_query_size": 10241},
        {"label": "Demo"},
        {"required_blobs": ()},
    ],
)
def test_every_field_is_part_of_the_address(change: dict[str, object]) -> None:
    assert dataclasses.replace(DEMO, **change).address() != ADDRESS  # type: ignore[arg-type]


@given(manifests)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    assert Manifest.decode(manifest.encode()) == manifest


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(encoded: bytes) -> None:
    for data in (encoded, DEMO.encode()[: len(encoded)] + encoded):
        with contextlib.suppress(ScaleError):
            Manifest.decode(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 0}, "version 0"),
        ({"version": 2}, "version 2"),
        ({"resizable": True, "on_demand": True}, "resizable and on demand"),
        ({"label": "x" * 65}, "65 bytes"),
        ({"label": "é" * 33}, "66 bytes"),
        ({"args": ("x" * MAX_MANIFEST_BYTES,)}, "at most 16384"),
        ({"env_vars": (("x" * 9000, "x" * 9000),)}, "at most 16384"),
        ({"required_blobs": (("x" * 9000, "x" * 9000),)}, "at most 16384"),
        ({"max_query_size": -1}, "u32"),
        ({"max_query_size": 2**32}, "u32"),
        ({"version": 2**32}, "u32"),
        ({"label": "\ud800"}, "UTF-8"),
        ({"args": ("\udfff",)}, "UTF-8"),
    ],
)
def test_what_no_app_can_be_deployed_with_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidManifest, match=message):
        dataclasses.replace(DEMO, **change).check()  # type: ignore[arg-type]


def test_the_text_counts_to_the_last_byte() -> None:
    """The original estimated a size in which arguments, environment and blobs did not count."""
    room = MAX_MANIFEST_BYTES - len(dataclasses.replace(DEMO, args=("x" * 12_000,)).encode())
    dataclasses.replace(DEMO, args=("x" * (12_000 + room),)).check()
    with pytest.raises(InvalidManifest):
        dataclasses.replace(DEMO, args=("x" * (12_000 + room + 1),)).check()


@pytest.mark.parametrize(
    "change", [{"label": "x" * 64}, {"resizable": True}, {"on_demand": True}, {"max_query_size": 0}]
)
def test_what_is_allowed_is_allowed(change: dict[str, object]) -> None:
    dataclasses.replace(DEMO, **change).check()  # type: ignore[arg-type]
