"""WebCrypto in agents, against Python's library: keys exported by one and imported by the other, signatures and
ciphertexts across. What the standard says of arguments and errors is in ``tests/guest/js``."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.support import Log, Workshop
from wapo.agents.image import ImageKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Runs what it is sent, with arguments; bytes are base64 both ways.
AGENT = """
const { subtle } = crypto;
const AsyncFunction = (async () => {}).constructor;
const revive = (_key, value) => (value?.base64 === undefined ? value : Uint8Array.fromBase64(value.base64));
const plain = (value) => value instanceof ArrayBuffer ? { base64: new Uint8Array(value).toBase64() }
  : Array.isArray(value) ? value.map(plain) : value;
export default {
  async fetch(request) {
    const { code, args } = JSON.parse(await request.text(), revive);
    return Response.json(plain(await new AsyncFunction('subtle', 'args', code)(subtle, args)));
  },
};
"""

DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
HASHES = {"SHA-1": hashes.SHA1(), "SHA-256": hashes.SHA256(), "SHA-384": hashes.SHA384(), "SHA-512": hashes.SHA512()}
CURVES = {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48), "P-521": (ec.SECP521R1(), 66)}

Run = Callable[..., Awaitable[Any]]


@pytest.fixture
def run(shared_workshop: Workshop) -> Run:
    """Runs JavaScript in an agent, with named arguments; its result."""

    async def run(code: str, **args: Any) -> Any:
        body = json.dumps(
            {"code": code, "args": args}, default=lambda data: {"base64": base64.b64encode(data).decode()}
        )
        response = await shared_workshop.ask(AGENT, "POST", body=body.encode())
        assert response.status == 200, response.body
        return json.loads(response.body, object_hook=lambda o: base64.b64decode(o["base64"]) if "base64" in o else o)

    return run


def private_der(key: Any) -> bytes:
    data: bytes = key.private_bytes(DER, PKCS8, PLAIN)
    return data


def public_der(key: Any) -> bytes:
    data: bytes = key.public_bytes(DER, SPKI)
    return data


def verifies(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


SIGN = """
const { algorithm, parameters, data, theirs, theirSignature } = args;
const usages = { private: ['sign'], public: ['verify'] };
const own = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
const their = await subtle.importKey('spki', theirs.spki, algorithm, true, usages.public);
const theirPrivate = await subtle.importKey('pkcs8', theirs.pkcs8, algorithm, true, usages.private);
const viaJwk = await subtle.importKey('jwk', await subtle.exportKey('jwk', theirPrivate), algorithm, true, usages.private);
return [
  await subtle.exportKey('spki', own.publicKey), await subtle.exportKey('pkcs8', own.privateKey),
  await subtle.sign(parameters, own.privateKey, data), await subtle.sign(parameters, viaJwk, data),
  await subtle.verify(parameters, their, theirSignature, data),
  await subtle.verify(parameters, their, theirSignature, new Uint8Array(1)),
];
"""


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", ["RSASSA-PKCS1-v1_5", "RSA-PSS"])
async def test_rsa_signatures(run: Run, name: str, hash_name: str) -> None:
    scheme = padding.PKCS1v15() if name != "RSA-PSS" else padding.PSS(padding.MGF1(HASHES[hash_name]), 11)
    theirs = rsa.generate_private_key(65537, 2048)
    spki, pkcs8, signature, with_theirs, good, bad = await run(
        SIGN, data=b"text", theirSignature=theirs.sign(b"text", scheme, HASHES[hash_name]),
        algorithm={"name": name, "hash": hash_name, "modulusLength": 2048, "publicExponent": b"\1\0\1"},
        parameters={"name": name, "saltLength": 11},
        theirs={"spki": public_der(theirs.public_key()), "pkcs8": private_der(theirs)},
    )  # fmt: skip
    assert (good, bad) == (True, False)
    public, private = serialization.load_der_public_key(spki), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(public, rsa.RSAPublicKey)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.public_key() == public
    assert verifies(lambda: public.verify(signature, b"text", scheme, HASHES[hash_name]))
    assert verifies(lambda: theirs.public_key().verify(with_theirs, b"text", scheme, HASHES[hash_name]))


@pytest.mark.parametrize("curve", CURVES)
async def test_ecdsa_signatures(run: Run, curve: str) -> None:
    kind, size = CURVES[curve]
    theirs, algorithm = ec.generate_private_key(kind), ec.ECDSA(hashes.SHA384())
    r, s = decode_dss_signature(theirs.sign(b"text", algorithm))
    spki, pkcs8, signature, with_theirs, good, bad = await run(
        SIGN, data=b"text", theirSignature=r.to_bytes(size) + s.to_bytes(size),
        algorithm={"name": "ECDSA", "namedCurve": curve}, parameters={"name": "ECDSA", "hash": "SHA-384"},
        theirs={"spki": public_der(theirs.public_key()), "pkcs8": private_der(theirs)},
    )  # fmt: skip
    assert (good, bad) == (True, False)
    public, private = serialization.load_der_public_key(spki), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.public_key() == public

    def as_der(data: bytes) -> bytes:
        return encode_dss_signature(int.from_bytes(data[:size]), int.from_bytes(data[size:]))

    assert verifies(lambda: public.verify(as_der(signature), b"text", algorithm))
    assert verifies(lambda: theirs.public_key().verify(as_der(with_theirs), b"text", algorithm))


async def test_ed25519_signatures(run: Run) -> None:
    theirs = ed25519.Ed25519PrivateKey.generate()
    spki, pkcs8, signature, with_theirs, good, bad = await run(
        SIGN, data=b"text", theirSignature=theirs.sign(b"text"), algorithm={"name": "Ed25519"},
        parameters={"name": "Ed25519"}, theirs={"spki": public_der(theirs.public_key()), "pkcs8": private_der(theirs)},
    )  # fmt: skip
    assert (good, bad) == (True, False)
    public, private = serialization.load_der_public_key(spki), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(public, ed25519.Ed25519PublicKey)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    assert private.public_key() == public
    assert verifies(lambda: public.verify(signature, b"text"))
    assert with_theirs == theirs.sign(b"text")


AGREE = """
const { algorithm, theirs } = args;
const own = await subtle.generateKey(algorithm, true, ['deriveBits']);
const their = await subtle.importKey('spki', theirs, algorithm, true, []);
const bits = await subtle.deriveBits({ name: algorithm.name, public: their }, own.privateKey, null);
return [await subtle.exportKey('spki', own.publicKey), await subtle.exportKey('pkcs8', own.privateKey), bits];
"""


@pytest.mark.parametrize("curve", CURVES)
async def test_ecdh(run: Run, curve: str) -> None:
    theirs = ec.generate_private_key(CURVES[curve][0])
    algorithm = {"name": "ECDH", "namedCurve": curve}
    spki, pkcs8, bits = await run(AGREE, algorithm=algorithm, theirs=public_der(theirs.public_key()))
    public, private = serialization.load_der_public_key(spki), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert theirs.exchange(ec.ECDH(), public) == private.exchange(ec.ECDH(), theirs.public_key()) == bits


async def test_x25519(run: Run) -> None:
    theirs = x25519.X25519PrivateKey.generate()
    spki, pkcs8, bits = await run(AGREE, algorithm={"name": "X25519"}, theirs=public_der(theirs.public_key()))
    public, private = serialization.load_der_public_key(spki), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(public, x25519.X25519PublicKey)
    assert isinstance(private, x25519.X25519PrivateKey)
    assert theirs.exchange(public) == private.exchange(theirs.public_key()) == bits


@pytest.mark.parametrize("hash_name", HASHES)
async def test_rsa_oaep(run: Run, hash_name: str) -> None:
    theirs = rsa.generate_private_key(65537, 3072)
    scheme = padding.OAEP(padding.MGF1(HASHES[hash_name]), HASHES[hash_name], b"label")
    sealed, opened = await run(
        """
        const { hash, spki, pkcs8, sealed, label } = args;
        const open = await subtle.importKey('spki', spki, { name: 'RSA-OAEP', hash }, true, ['encrypt']);
        const own = await subtle.importKey('pkcs8', pkcs8, { name: 'RSA-OAEP', hash }, true, ['decrypt']);
        return [await subtle.encrypt({ name: 'RSA-OAEP', label }, open, new TextEncoder().encode('text')),
          await subtle.decrypt({ name: 'RSA-OAEP', label }, own, sealed)];
        """,
        hash=hash_name, spki=public_der(theirs.public_key()), pkcs8=private_der(theirs), label=b"label",
        sealed=theirs.public_key().encrypt(b"their text", scheme),
    )  # fmt: skip
    assert theirs.decrypt(sealed, scheme) == b"text"
    assert opened == b"their text"


SIZES = st.one_of(st.integers(0, 100), st.integers(65_400, 65_600), st.sampled_from((100_000, 300_000)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, st.sampled_from((16, 24, 32)), st.sampled_from((8, 12, 16, 128)))
async def test_aes_gcm_of_any_size(run: Run, size: int, key_size: int, iv_size: int) -> None:
    """Short texts are encrypted at once, long ones in a thread; results of either may be longer than a buffer."""
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    key, iv = bytes(range(key_size)), bytes(range(iv_size))
    sealed, opened = await run(
        """
        const key = await subtle.importKey('raw', args.key, 'AES-GCM', true, ['encrypt', 'decrypt']);
        const sealed = await subtle.encrypt({ name: 'AES-GCM', iv: args.iv }, key, args.data);
        return [sealed, await subtle.decrypt({ name: 'AES-GCM', iv: args.iv }, key, sealed)];
        """,
        key=key, iv=iv, data=data,
    )  # fmt: skip
    assert opened == data
    assert AESGCM(key).decrypt(iv, sealed, None) == data


LIMITS = {
    "iterations": (
        "subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: new Uint8Array(8), iterations: 20_000_000 }, "
        "await subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']), 160)",
        "PBKDF2: iterations, times blocks of output, are at most 10000000 here",
    ),
    "a made key": (
        "subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-1', modulusLength: 8192, "
        "publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign'])",
        "RSA-PSS: making a key: a key that is made here has at most 4096 bits",
    ),
    "data": (
        "subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, await subtle.importKey('raw', new Uint8Array(16), "
        "'AES-GCM', true, ['encrypt']), new Uint8Array(40 << 20))",
        "AES-GCM: more data than this host takes at once",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "text"), LIMITS.values(), ids=LIMITS)
async def test_limits_say_what_they_are(run: Run, code: str, text: str) -> None:
    found = await run(f"try {{ await {code}; }} catch (e) {{ return [e.name, e.message, e instanceof DOMException]; }}")
    assert found == ["OperationError", text, True]


async def test_the_example_of_the_original(run: Run) -> None:
    """Two pairs of ECDH agree on an AES key (wapojs-api.md 5.5); whoever expects bytes makes them of the result."""
    assert await run(
        """
        const make = () => subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveKey']);
        const agree = (theirs, own) =>
          subtle.deriveKey({ name: 'ECDH', public: theirs }, own, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
        const [alice, bob] = [await make(), await make()];
        const [a, b] = [await agree(bob.publicKey, alice.privateKey), await agree(alice.publicKey, bob.privateKey)];
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, a, new TextEncoder().encode('Hello, Bob!'));
        return new TextDecoder().decode(new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv }, b, sealed)));
        """
    ) == "Hello, Bob!"  # fmt: skip


async def test_a_key_may_be_part_of_an_image(shared_workshop: Workshop) -> None:
    """The host keeps no keys, so a machine that starts from the image has it. What chance has made is in no image."""
    source = """
    const { subtle } = crypto;
    const key = await subtle.importKey('raw', new Uint8Array(32), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    export default { fetch: async (request) => new Response(await subtle.sign('HMAC', key, await request.bytes())) };
    """
    image = await shared_workshop.image(source)
    assert image.kind is ImageKind.INITIALISED
    answers = [await shared_workshop.ask(image, "POST", body=b"text") for _ in range(2)]
    assert answers[0].body == answers[1].body
    made = source.replace(
        "importKey('raw', new Uint8Array(32), { name: 'HMAC', hash: 'SHA-256' }",
        "generateKey({ name: 'HMAC', hash: 'SHA-256' }",
    )
    image = await shared_workshop.image(made)
    assert (image.kind, image.touched) == (ImageKind.COMPILED, {"entropy"})
    answers = [await shared_workshop.ask(image, "POST", body=b"text") for _ in range(2)]
    assert answers[0].body != answers[1].body


async def test_a_response_that_is_cut_off_takes_its_work_with_it(shared_workshop: Workshop) -> None:
    """A run that ends while a thread works for it: the next one is as if nothing had been."""
    source = """
    const derive = async (iterations) => {
      const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
      return crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations }, key, 256);
    };
    export default { async fetch(request) {
      if (request.method === 'POST') { derive(200_000); derive(200_000); return new Response('gone'); }
      return new Response(await derive(5000));
    } };
    """
    log = Log()
    assert (await shared_workshop.ask(source, "POST", log=log)).body == b"gone"
    first = (await shared_workshop.ask(source, log=log)).body
    assert len(first) == 32
    assert (await shared_workshop.ask(source, log=log)).body == first
    assert log.lines == []
