"""RSA and elliptic curves, against another library (PyCryptodome), both ways."""

import struct

import pytest
from Crypto.Cipher import PKCS1_OAEP, PKCS1_v1_5
from Crypto.Hash import SHA1, SHA256, SHA384, SHA512
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, eddsa, pkcs1_15, pss
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.vm.crypto.support import HASH_NUMBERS, code, do

MODULES = {1: SHA1, 2: SHA256, 3: SHA384, 4: SHA512}
CURVES = {1: ("p256", 32), 2: ("p384", 48), 3: ("p521", 66)}
TEXT = b"text"
ANY_SALT = 0xFFFFFFFF


@pytest.fixture(scope="module")
def private() -> bytes:
    """A key as the border has it."""
    return do(50, 2048, param=b"\1\0\1")


@pytest.fixture(scope="module")
def public(private: bytes) -> bytes:
    return do(51, key=private)


def numbers_of(data: bytes) -> list[int]:
    found = []
    while data:
        (size,) = struct.unpack_from("<I", data)
        found.append(int.from_bytes(data[4 : 4 + size]))
        data = data[4 + size :]
    return found


def list_of(numbers: list[int]) -> bytes:
    parts = [number.to_bytes((number.bit_length() + 7) // 8) for number in numbers]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def test_rsa_encryption_of_pkcs1_crosses_libraries(private: bytes, public: bytes) -> None:
    cipher = PKCS1_v1_5.new(RSA.import_key(private))
    assert cipher.decrypt(do(63, key=public, data=TEXT), b"") == TEXT
    assert do(64, key=private, data=cipher.encrypt(TEXT)) == TEXT
    assert code(63, key=public, data=bytes(250)) == 3
    assert code(64, key=private, data=bytes(5)) == 3


def test_secp256k1_crosses_libraries() -> None:
    own = do(30, 4)
    key = ec.derive_private_key(int.from_bytes(own[:32]), ec.SECP256K1())
    signature = do(31, 4, 2, key=own, data=TEXT)
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    key.public_key().verify(encode_dss_signature(r, s), TEXT, ec.ECDSA(hashes.SHA256()))
    assert do(32, 4, 2, key=own[32:], data=TEXT, param=signature) == b"\1"
    assert do(38, 4, data=do(36, 4, key=own[32:])) == own[32:]
    assert code(38, 1, data=do(36, 4, key=own[32:])) == 3


@pytest.mark.parametrize("number", HASH_NUMBERS)
def test_rsa_signatures_and_secrets_cross_libraries(private: bytes, public: bytes, number: int) -> None:
    module = MODULES[number]
    key = RSA.import_key(private)
    digest = module.new(TEXT)
    pkcs1_15.new(key).verify(digest, do(52, number, key=private, data=TEXT))
    assert do(53, number, key=public, data=TEXT, param=pkcs1_15.new(key).sign(digest)) == b"\1"
    for salt in (0, 20, 100):
        scheme = pss.new(key, salt_bytes=salt)
        scheme.verify(digest, do(54, number, salt, key=private, data=TEXT))
        assert do(55, number, salt, key=public, data=TEXT, param=scheme.sign(digest)) == b"\1"
        assert do(55, number, salt + 1, key=public, data=TEXT, param=scheme.sign(digest)) == b"\0"
        assert do(55, number, ANY_SALT, key=public, data=TEXT, param=scheme.sign(digest)) == b"\1"
        assert do(55, number, ANY_SALT, key=public, data=b"x", param=scheme.sign(digest)) == b"\0"
    longest = 256 - module.digest_size - 2
    pss.new(key, salt_bytes=longest).verify(digest, do(54, number, ANY_SALT, key=private, data=TEXT))
    cipher = PKCS1_OAEP.new(key, hashAlgo=module, label=b"label")
    assert cipher.decrypt(do(56, number, key=public, data=TEXT, param=b"label")) == TEXT
    assert do(57, number, key=private, data=cipher.encrypt(TEXT), param=b"label") == TEXT
    assert code(57, number, key=private, data=cipher.encrypt(TEXT)) == 3


def test_rsa_numbers_are_the_key(private: bytes, public: bytes) -> None:
    key = RSA.import_key(private)
    numbers = numbers_of(do(61, key=private))
    assert numbers[:5] == [key.n, key.e, key.d, *numbers[3:5]]
    assert sorted(numbers[3:5]) == sorted((int(key.p), int(key.q)))
    assert do(62, data=list_of(numbers)) == private
    assert numbers_of(do(60, key=public)) == numbers[:2]
    assert do(62, data=list_of(numbers[:2])) == public


def test_rsa_numbers_that_are_no_key_are_refused(private: bytes) -> None:
    """Each of the eight is checked against the others, so that the library gets nothing that it does not expect."""
    numbers = numbers_of(do(61, key=private))
    for index in range(8):
        for wrong in (numbers[index] + 2, 0, 1, numbers[0], numbers[0] << 1):
            if wrong != numbers[index]:
                changed = [*numbers[:index], wrong, *numbers[index + 1 :]]
                assert code(62, data=list_of(changed)) in (3, 10), (index, wrong)
    assert code(62, data=list_of(numbers[:3])) == code(62, data=list_of([*numbers, 1])) == 3
    assert code(62, data=list_of(numbers)[:-1]) == code(62) == 3


def test_rsa_keys_have_bounds() -> None:
    assert code(50, 4097, param=b"\1\0\1") == 10
    assert code(50, 1023, param=b"\1\0\1") == 3
    assert code(50, 2048, param=b"\1") == code(50, 2048, param=b"") == 3
    assert code(62, data=list_of([(1 << 8192) + 1, 65537])) == 10
    assert code(62, data=list_of([(1 << 2048) + 1, (1 << 64) + 1])) == 10
    assert code(62, data=list_of([(1 << 2048) + 1, 65536])) == 3
    assert code(58, data=bytes(20 << 10)) == 10


@pytest.mark.parametrize(("number", "name", "size"), [(number, *curve) for number, curve in CURVES.items()])
def test_elliptic_curves_cross_libraries(number: int, name: str, size: int) -> None:
    pair = do(30, number)
    scalar, point = pair[:size], pair[size:]
    key = ECC.construct(curve=name, d=int.from_bytes(scalar))
    assert point == key.public_key().export_key(format="SEC1", compress=False)
    for hash_number, module in MODULES.items():
        digest = module.new(TEXT)
        if hash_number > 1:  # the other library has no ECDSA with SHA-1
            DSS.new(key, "fips-186-3").verify(digest, do(31, number, hash_number, key=pair, data=TEXT))
            signature = DSS.new(key, "fips-186-3").sign(digest)
            assert do(32, number, hash_number, key=point, data=TEXT, param=signature) == b"\1"
            assert do(32, number, hash_number, key=point, data=TEXT, param=signature[1:]) == b"\0"
    assert ECC.import_key(do(36, number, key=point)) == key.public_key()
    assert ECC.import_key(do(37, number, key=pair)) == key
    assert do(38, number, data=key.public_key().export_key(format="DER", compress=False)) == point
    assert do(39, number, data=key.export_key(format="DER", use_pkcs8=True)) == pair
    assert do(34, number, data=key.public_key().export_key(format="SEC1", compress=True)) == point
    other = ECC.generate(curve=name)
    shared = other.pointQ * key.d
    theirs = other.public_key().export_key(format="SEC1", compress=False)
    assert do(33, number, key=pair, param=theirs) == int(shared.x).to_bytes(size)
    assert code(39, number, data=key.export_key(format="DER", use_pkcs8=False)) == 3, "not PKCS #8"


def test_a_point_of_another_key_is_refused() -> None:
    for number, (_, size) in CURVES.items():
        one, other = do(30, number), do(30, number)
        assert code(35, number, data=one) == 0
        assert code(35, number, data=one[:size] + other[size:]) == 3
        assert code(35, number, data=bytes(size) + one[size:]) == 3
        assert code(31, number, 2, key=one[:-1], data=TEXT) == 3
        assert code(34, number % 3 + 1, data=one[size:]) == 3
    assert code(30, 5) == code(30, 0) == 3


def test_edwards_curves_cross_libraries() -> None:
    seed = bytes(range(32))
    key = eddsa.import_private_key(seed)
    assert do(40, 1, key=seed) == key.public_key().export_key(format="raw")
    signature = eddsa.new(key, "rfc8032").sign(TEXT)
    assert do(41, key=seed, data=TEXT) == signature
    assert do(42, key=do(40, 1, key=seed), data=TEXT, param=signature) == b"\1"
    assert do(42, key=do(40, 1, key=seed), data=TEXT, param=signature[1:]) == b"\0"
    assert do(46, 1, data=key.public_key().export_key(format="DER")) == do(40, 1, key=seed)
    assert do(47, 1, data=key.export_key(format="DER", use_pkcs8=True)) == seed
    assert ECC.import_key(do(45, 1, key=seed)) == key
    assert ECC.import_key(do(44, 1, key=do(40, 1, key=seed))) == key.public_key()
    for kind, oid in ((1, "70"), (2, "6e")):  # RFC 8410
        public = do(40, kind, key=seed)
        assert do(44, kind, key=public) == bytes.fromhex(f"302a300506032b65{oid}032100") + public
        assert do(45, kind, key=seed) == bytes.fromhex(f"302e020100300506032b65{oid}04220420") + seed
        assert do(46, kind, data=do(44, kind, key=public)) == public
        assert do(47, kind, data=do(45, kind, key=seed)) == seed
        assert code(46, 3 - kind, data=do(44, kind, key=public)) == code(47, 3 - kind, data=do(45, kind, key=seed)) == 3
    assert code(43, key=seed, param=bytes(32)) == 3
    assert code(40, 1, key=seed[1:]) == code(40, 3, key=seed) == 3


@pytest.mark.parametrize("operation", [39, 47, 59])
def test_keys_of_other_algorithms_are_not_even_read(monkeypatch: pytest.MonkeyPatch, operation: int) -> None:
    """What a library does with them is not bounded: it may test primes, with the interpreter's lock held."""
    formats = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    others = {
        39: rsa.generate_private_key(65537, 1024).private_bytes(*formats),
        47: ec.generate_private_key(ec.SECP256R1()).private_bytes(*formats),
        59: ed25519.Ed25519PrivateKey.generate().private_bytes(*formats),
    }
    monkeypatch.setattr(serialization, "load_der_private_key", lambda *_, **__: pytest.fail("it was read"))
    assert code(operation, 1, data=others[operation]) == 3
