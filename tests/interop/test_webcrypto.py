"""Cryptography from npm in agents: jose, which asks crypto.subtle for everything, and the noble libraries beside it."""

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tests.conftest import Site
from tests.npm_packages import environment, node, workspace
from wapo.trust.keccak import keccak256

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agents of tests/interop/webcrypto, bundled."""
    folder = workspace(Path(__file__).parent / "webcrypto", tmp_path_factory.mktemp("webcrypto") / "src")
    done = subprocess.run(
        [node(), "build.mjs"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist"


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def check(alg: str, signed: bytes, signature: bytes, key: Any, secret: bytes) -> None:
    """Raises unless the signature of a token is one, by Python's library."""
    if alg.startswith("HS"):
        assert hmac.digest(secret, signed, f"sha{alg[2:]}") == signature
    elif alg.startswith("ES"):
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(HASHES[alg[2:]]))
    elif alg.startswith("PS"):
        algorithm = HASHES[alg[2:]]
        key.verify(signature, signed, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    elif alg.startswith("RS"):
        key.verify(signature, signed, padding.PKCS1v15(), HASHES[alg[2:]])
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey)
        key.verify(signature, signed)


async def test_jose_signs_and_verifies(site: Site, bundles: Path) -> None:
    response = await site.run((bundles / "jose-agent.js").read_bytes(), tail="/sign")
    assert response.status_code == 200, response.text
    results = response.json()
    assert len(results) == 11
    for alg, result in results.items():
        assert (result["sub"], result["forged"]) == ("alice", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED")
        head, body, signature = result["token"].split(".")
        assert json.loads(decode(head))["alg"] == alg
        key = serialization.load_pem_public_key(result["spki"].encode()) if result["spki"] else None
        assert result["bySet"] == (None if key is None else "one")
        check(alg, f"{head}.{body}".encode(), decode(signature), key, decode(result["jwk"].get("k", "")))
        # RFC 7638
        names = {
            "oct": ("k", "kty"),
            "RSA": ("e", "kty", "n"),
            "EC": ("crv", "kty", "x", "y"),
            "OKP": ("crv", "kty", "x"),
        }
        needed = {name: result["jwk"][name] for name in names[result["jwk"]["kty"]]}
        digest = hashlib.sha256(json.dumps(needed, separators=(",", ":"), sort_keys=True).encode()).digest()
        assert result["thumbprint"] == encode(digest)


async def test_jose_encrypts_and_decrypts(site: Site, bundles: Path) -> None:
    response = await site.run((bundles / "jose-agent.js").read_bytes(), tail="/encrypt")
    assert response.json() == ["alice"] * 10, response.text


@pytest.mark.parametrize("alg", ["RS256", "ES384"])
async def test_jose_takes_the_keys_of_others(site: Site, bundles: Path, alg: str) -> None:
    key: Any = rsa.generate_private_key(65537, 2048) if alg == "RS256" else ec.generate_private_key(ec.SECP384R1())
    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": alg}, {"sub": "bob"}))
    if alg == "RS256":
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(48) + s.to_bytes(48)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    request = {
        "token": f"{signed}.{encode(signature)}", "alg": alg, "pem": public.decode(), "privatePem": private.decode(),
    }  # fmt: skip
    response = await site.run((bundles / "jose-agent.js").read_bytes(), "POST", tail="/take", json=request)
    assert response.status_code == 200, response.text
    assert response.json()["sub"] == "bob"
    head, body, answer = response.json()["answer"].split(".")
    assert json.loads(decode(body)) == {"again": "bob"}
    check(alg, f"{head}.{body}".encode(), decode(answer), key.public_key(), b"")


async def test_noble_libraries_agree_with_the_host(site: Site, bundles: Path) -> None:
    data = bytes(range(200))
    response = await site.run((bundles / "noble-agent.js").read_bytes(), "POST", content=data)
    assert response.status_code == 200, response.text
    found = response.json()
    assert found["curves"] == [True] * 5
    assert found["hashes"].pop("keccak") == keccak256(data).hex()
    assert found["hashes"].pop("blake2b") == hashlib.blake2b(data, digest_size=32).hexdigest()
    assert len(found["hashes"]) == 4
    for name, (theirs, ours) in found["hashes"].items():
        assert theirs == ours
        assert theirs[0] == hashlib.new(name.replace("-", "").lower(), data).hexdigest()
