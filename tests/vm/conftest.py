"""Fixtures of the vm room's tests: a network whose guests may do everything, certificates, puppets."""

import datetime
import ipaddress
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vm.support import Recorder
from wapo.engine.engine import Engine, Settings
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.net.resolver import Resolver


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path

    def issue(self, *names: str, expired: bool = False) -> tuple[str, str]:
        """A certificate and its key, as PEM texts."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        now = datetime.datetime.now(datetime.UTC)
        end = now - datetime.timedelta(days=1) if expired else now + datetime.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), pem_of(key)


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority, and its certificate in a file."""
    return make_authority(tmp_path_factory.mktemp("authority"))


def make_authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Wapo's tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=3))
        .not_valid_after(now + datetime.timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "ca.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(certificate, key, file)


@pytest.fixture(scope="session")
def metered_engine() -> Iterator[Engine]:
    """An engine that counts instructions, as programs are metered by."""
    with Engine(Settings(consume_fuel=True)).opened() as opened:
        yield opened


class Networked(Recorder):
    """Services of a guest that has a network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network


@asynccontextmanager
async def opened_network(policy: EgressPolicy, settings: NetworkSettings | None = None) -> AsyncIterator[Network]:
    """A network with a resolver of its own."""
    resolver = Resolver()
    try:
        async with Network(policy, resolver, settings) as network:
            yield network
    finally:
        await resolver.aclose()


@pytest.fixture
async def network(authority: Authority) -> AsyncIterator[Network]:
    """Everything allowed, all ports, a TLS port, the tests' authority trusted."""
    settings = NetworkSettings(
        listen_ports=(0, 65535), tls_host="127.0.0.1", tls_port=0, extra_roots=(str(authority.file),)
    )
    async with opened_network(EgressPolicy(allow_private=True), settings) as opened:
        yield opened
