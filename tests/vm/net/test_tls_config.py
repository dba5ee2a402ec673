"""Certificates and keys as guests give them: PEM texts of any content."""

import contextlib
import datetime
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.vm.conftest import Authority, make_authority, pem_of
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.net.tls_config import (
    MAX_CERTIFICATES,
    MAX_CERTIFICATES_BYTES,
    MAX_KEY_BYTES,
    Identity,
    InvalidTlsConfig,
    TrustRoots,
)


@pytest.fixture(scope="module")
def issued(authority: Authority) -> tuple[str, str]:
    return authority.issue("localhost")


def test_what_stands_around_the_items_does_not_matter(authority: Authority) -> None:
    """Comments, parameters of curves, other items after the key; the leaf is the first certificate."""
    certificate, key = authority.issue("localhost")
    other, _ = authority.issue("elsewhere.example")
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    identity = Identity.parse(f"# mine\n{key}\n{certificate}text{other}", f"words {parameters}{key}{certificate}{key}")
    assert len(identity.chain) == 2
    assert identity == Identity.parse(certificate + other, key)
    with pytest.raises(InvalidTlsConfig):
        Identity.parse(certificate, certificate + key)
    with pytest.raises(InvalidTlsConfig):
        Identity.parse(certificate, key + key, single=True)
    assert Identity.parse(certificate, parameters + key, single=True).chain


def test_an_item_ends_at_its_own_end(authority: Authority) -> None:
    """One that is cut short is none, and does not take the next one with it."""
    certificate, key = authority.issue("localhost")
    cut = certificate[: len(certificate) // 2]
    assert len(Identity.parse(cut + certificate, key).chain) == 1
    for bad in (cut, certificate.replace("END CERTIFICATE", "END PRIVATE KEY"), certificate.replace("BEGIN", "END")):
        with pytest.raises(InvalidTlsConfig):
            Identity.parse(bad, key)


@pytest.mark.parametrize(
    "unit", ["-----BEGIN A-----", "-----BEGIN CERTIFICATE-----x", "-----BEGIN ", "-----END A-----", "-"]
)
def test_no_text_takes_long(authority: Authority, unit: str) -> None:
    """A call cannot be interrupted. Looking for the end of each beginning took 40 s for the first of these."""
    _, key = authority.issue("localhost")
    begin = time.thread_time()
    with pytest.raises(InvalidTlsConfig):
        Identity.parse(unit * (MAX_CERTIFICATES_BYTES // len(unit)), key)
    with pytest.raises(InvalidTlsConfig):
        Identity.parse("", unit * (MAX_KEY_BYTES // len(unit)))
    assert time.thread_time() - begin < 0.05


def test_there_are_only_so_many_certificates(authority: Authority) -> None:
    certificate, key = authority.issue("localhost")
    assert len(Identity.parse(certificate * MAX_CERTIFICATES, key).chain) == MAX_CERTIFICATES
    with pytest.raises(InvalidTlsConfig):
        Identity.parse(certificate * (MAX_CERTIFICATES + 1), key)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_an_identity_or_refused(certificates: str, key: str) -> None:
    with pytest.raises(InvalidTlsConfig):
        Identity.parse(certificates, key)


CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2000), st.characters(codec="utf-8"), st.integers(0, 2)), max_size=3
)


@given(CHANGES)
def test_a_damaged_item_is_refused_or_taken_by_openssl(
    issued: tuple[str, str], changes: list[tuple[bool, int, str, int]]
) -> None:
    """Whatever is changed in the texts: an identity that can be used, or the one error."""
    texts = list(issued)
    for which, at, inserted, removed in changes:
        texts[which] = texts[which][:at] + inserted + texts[which][at + removed :]
    with contextlib.suppress(InvalidTlsConfig):
        Identity.parse(texts[0], texts[1]).context()


def test_roots_that_are_needed_are_found(authority: Authority) -> None:
    roots = TrustRoots((str(authority.file),))
    roots.verify_server(Identity.parse(*authority.issue("app.example")), "app.example")
    with pytest.raises(InvalidTlsConfig):
        roots.verify_server(Identity.parse(*authority.issue("app.example")), "other.example")
    with pytest.raises(InvalidTlsConfig):
        TrustRoots().verify_server(Identity.parse(*authority.issue("app.example")), "app.example")


async def test_a_server_cannot_have_clients_calculate_with_numbers_of_its_own() -> None:
    """Finite-field Diffie-Hellman of 10,000 bits took 0.6 s of the event loop for one handshake."""
    async with HttpClient(EgressPolicy()) as client:
        assert client.session is not None
        used = client.session.connector._ssl  # type: ignore[union-attr]
        for context in (TrustRoots().context, used):
            exchanges = {cipher["kea"] for cipher in context.get_ciphers()}  # type: ignore[typeddict-item, union-attr]
            assert exchanges == {"kx-any", "kx-ecdhe"}


def test_rsa_keys_are_no_longer_than_the_originals(tmp_path: Path) -> None:
    """Numbers of that length are enough for the check; primes of it would take seconds to find."""
    for bits, expected in ((4096, "not the certificate's"), (4104, "more than 4096 bits")):
        p, q = (1 << bits // 2) - 1, (1 << bits // 2) - 3
        numbers = rsa.RSAPrivateNumbers(
            p, q, d := 3, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), 5, rsa.RSAPublicNumbers(65537, p * q)
        )
        pem = numbers.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate, _ = make_authority(tmp_path).issue("localhost")
        with pytest.raises(InvalidTlsConfig, match=expected):
            Identity.parse(certificate, pem.decode())


def chained(issuer_key: ec.EllipticCurvePrivateKey, public: Any, *names: str) -> x509.Certificate:
    """A certificate by an authority that calls itself X: for a server of those names, or for another such authority."""
    now = datetime.datetime.now(datetime.UTC)
    x = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "X")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]) if names else x)
        .issuer_name(x)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True
        ).add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    else:
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
    return builder.sign(issuer_key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> str:
    return "".join(item.public_bytes(serialization.Encoding.PEM).decode() for item in certificates)


def test_authorities_that_vouch_for_each_other_cost_nothing(authority: Authority) -> None:
    roots = TrustRoots((str(authority.file),))
    circle, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    leaf = chained(circle, own.public_key(), "a.example")
    others = [chained(circle, circle.public_key()) for _ in range(30)]
    identity = Identity.parse(pem(leaf, *others), pem_of(own))
    good = Identity.parse(*authority.issue("a.example"))
    roots.verify_server(good, "a.example")  # what is read once is read
    started = time.thread_time()
    with pytest.raises(InvalidTlsConfig, match="not valid for"):
        roots.verify_server(identity, "a.example")
    assert time.thread_time() - started < 0.008
    Identity.parse(pem(leaf, others[0]), pem_of(own))
    endless = rsa.RSAPublicNumbers(65537, (1 << 8191) + 9).public_key()
    with pytest.raises(InvalidTlsConfig, match="more than 4096 bits"):
        Identity.parse(pem(leaf, chained(circle, endless)), pem_of(own))
