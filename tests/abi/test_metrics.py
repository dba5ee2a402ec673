"""Metrics: the bundle of node-and-gateway 10, and the bounds of its fields."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import ADDRESS, WORKER, WORKER_PUBLIC
from wapo.abi.metrics import (
    MAX_APPS,
    AppMetrics,
    MetricsToken,
    SignedAppsMetrics,
    TooManyMetrics,
    VersionedAppsMetrics,
)
from wapo.scale.primitives import Reader, ScaleError, encode_compact
from wapo.trust.domains import ContentType, verify_signature

TOKEN = MetricsToken(1, b"\x01" * 32, b"\x02" * 32)
APP = AppMetrics(
    ADDRESS,
    b"\x03" * 32,
    running_time_ms=1500,
    gas_consumed=42,
    network_ingress=10,
    network_egress=20,
    starts=1,
)
BUNDLE = VersionedAppsMetrics(TOKEN, (APP,))

ids = st.binary(min_size=32, max_size=32)
u64, u128 = st.integers(0, 2**64 - 1), st.integers(0, 2**128 - 1)
apps = st.builds(AppMetrics, ids, ids, u64, u64, u64, u64, u64, u64, u128, u128, u64, u64)
bundles = st.builds(VersionedAppsMetrics, st.builds(MetricsToken, u64, ids, ids), st.lists(apps, max_size=3).map(tuple))


def test_a_bundle_is_the_documented_bytes() -> None:
    encoded = BUNDLE.encode()
    assert len(encoded) == 234
    digest = hashlib.blake2b(encoded, digest_size=32).hexdigest()
    assert digest == "23071ef4c5f612fa6726f633f85e9937ff0950ccb2a3571157819e845e2b4f43"
    assert (len(APP.encode()), len(TOKEN.encode())) == (160, 72)


def test_a_signed_bundle_can_be_verified_by_anybody() -> None:
    signature = WORKER.sign(ContentType.METRICS, BUNDLE.encode())
    encoded = SignedAppsMetrics(BUNDLE, signature, WORKER_PUBLIC).encode()
    assert encoded == BUNDLE.encode() + b"\x01\x01" + signature + WORKER_PUBLIC
    signed = SignedAppsMetrics.decode(encoded)
    assert verify_signature(signed.worker, ContentType.METRICS, signed.metrics.encode(), signed.signature)


@given(bundles)
def test_what_is_written_is_read(bundle: VersionedAppsMetrics) -> None:
    signed = SignedAppsMetrics(bundle, bytes(64), bytes(32))
    assert SignedAppsMetrics.decode(signed.encode()) == signed


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(encoded: bytes) -> None:
    for data in (encoded, BUNDLE.encode()[:73] + encoded):
        with contextlib.suppress(ScaleError):
            SignedAppsMetrics.decode(data)


def test_at_most_64_apps_are_in_a_bundle() -> None:
    full = VersionedAppsMetrics(TOKEN, (APP,) * MAX_APPS)
    assert VersionedAppsMetrics.read(Reader(full.encode())) == full
    with pytest.raises(TooManyMetrics, match="at most 64"):
        VersionedAppsMetrics(TOKEN, (APP,) * (MAX_APPS + 1)).encode()
    with pytest.raises(ScaleError, match="at most 64"):
        VersionedAppsMetrics.read(
            Reader(b"\0" + TOKEN.encode() + encode_compact(MAX_APPS + 1) + APP.encode() * (MAX_APPS + 1))
        )


def test_what_is_too_large_is_the_largest() -> None:
    over = AppMetrics(ADDRESS, bytes(32), *(1 << 200,) * 10)
    most = AppMetrics.read(Reader(over.encode()))
    assert (most.gas_consumed, most.storage_used, most.starts) == (2**64 - 1, 2**128 - 1, 2**64 - 1)


@pytest.mark.parametrize(
    "app", [AppMetrics(b"short", bytes(32)), AppMetrics(bytes(32), b""), AppMetrics(bytes(32), bytes(32), tip=-1)]
)
def test_what_has_no_encoding_is_refused(app: AppMetrics) -> None:
    with pytest.raises(ScaleError):
        app.encode()
