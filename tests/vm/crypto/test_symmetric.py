"""HMAC, AES and derivation, against another library (PyCryptodome) where that has them."""

import hashlib

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import HMAC, SHA1, SHA256, SHA384, SHA512
from Crypto.Protocol.KDF import HKDF, PBKDF2
from Crypto.Util import Counter
from Crypto.Util.Padding import pad
from hypothesis import given
from hypothesis import strategies as st

from tests.vm.crypto.support import HASH_NUMBERS, code, do

MODULES = {1: SHA1, 2: SHA256, 3: SHA384, 4: SHA512}

keys = st.sampled_from((16, 24, 32)).flatmap(lambda size: st.binary(min_size=size, max_size=size))
blocks = st.binary(min_size=16, max_size=16)
texts = st.binary(max_size=200)


@given(st.sampled_from(HASH_NUMBERS), st.binary(max_size=200), texts)
def test_hmac(number: int, key: bytes, data: bytes) -> None:
    expected = HMAC.new(key, data, MODULES[number]).digest()
    assert do(1, number, key=key, data=data) == expected
    assert do(2, number, key=key, data=data, param=expected) == b"\1"
    assert do(2, number, key=key, data=data, param=expected[:-1]) == b"\0"
    assert do(2, number, key=key, data=data + b"x", param=expected) == b"\0"


@given(keys, st.binary(min_size=8, max_size=128), texts, texts, st.sampled_from((4, 8, 12, 13, 14, 15, 16)))
def test_aes_gcm(key: bytes, iv: bytes, data: bytes, more: bytes, tag: int) -> None:
    cipher = AES.new(key, AES.MODE_GCM, nonce=iv, mac_len=tag)
    cipher.update(more)
    expected = b"".join(cipher.encrypt_and_digest(data))
    assert do(10, tag, key=key, param=iv, data=data, extra=more) == expected
    assert do(11, tag, key=key, param=iv, data=expected, extra=more) == data
    assert code(11, tag, key=key, param=iv, data=expected, extra=more + b"x") == 3
    assert code(11, tag, key=key, param=iv, data=expected[: tag - 1], extra=more) == 3


@given(keys, blocks, texts)
def test_aes_cbc(key: bytes, iv: bytes, data: bytes) -> None:
    expected = AES.new(key, AES.MODE_CBC, iv=iv).encrypt(pad(data, 16))
    assert do(12, key=key, param=iv, data=data) == expected
    assert do(13, key=key, param=iv, data=expected) == data
    assert code(13, key=key, param=iv, data=expected[:-1]) == 3


@given(keys, blocks, st.sampled_from((8, 16, 32, 64, 128)), st.integers(1, 40), st.binary(max_size=15))
def test_aes_ctr_counts_as_many_bits_as_it_is_told(
    key: bytes, block: bytes, bits: int, count: int, rest: bytes
) -> None:
    """Also where the counter comes round: the other library does that too, with whole bytes of counter."""
    fixed, counting = block[: 16 - bits // 8], block[16 - bits // 8 :]
    data = bytes(16 * count) + rest
    counter = Counter.new(bits, prefix=fixed, initial_value=int.from_bytes(counting), allow_wraparound=True)
    assert do(14, bits, key=key, param=block, data=data) == AES.new(key, AES.MODE_CTR, counter=counter).encrypt(data)


def test_aes_ctr_uses_no_counter_twice() -> None:
    key, block = bytes(16), bytes(15) + b"\xff"
    assert code(14, 4, key=key, param=block, data=bytes(16 * 16)) == 0
    assert code(14, 4, key=key, param=block, data=bytes(16 * 16 + 1)) == 3
    assert code(14, 0, key=key, param=block) == code(14, 129, key=key, param=block) == 3


@given(keys, st.integers(2, 40).flatmap(lambda count: st.binary(min_size=8 * count, max_size=8 * count)))
def test_aes_kw(key: bytes, data: bytes) -> None:
    expected = AES.new(key, AES.MODE_KW).seal(data)
    assert do(15, key=key, data=data) == expected
    assert do(16, key=key, data=expected) == data
    assert code(16, key=key, data=expected[:-8] + bytes(8)) == 3


@given(st.sampled_from(HASH_NUMBERS), st.binary(min_size=1, max_size=100), texts, texts, st.integers(1, 600))
def test_hkdf(number: int, key: bytes, salt: bytes, info: bytes, length: int) -> None:
    expected = HKDF(key, length, salt, MODULES[number], context=info)  # type: ignore[arg-type]
    assert do(20, number, length, key=key, param=salt, extra=info) == expected


@given(st.sampled_from(HASH_NUMBERS), texts, texts, st.integers(1, 200), st.integers(1, 20))
def test_pbkdf2(number: int, password: bytes, salt: bytes, length: int, iterations: int) -> None:
    expected = PBKDF2(password, salt, length, iterations, hmac_hash_module=MODULES[number])  # type: ignore[arg-type]
    assert do(21, number, length, iterations, key=password, param=salt) == expected


def test_a_long_text_is_the_same_text() -> None:
    """It goes through the cipher in pieces."""
    data = hashlib.shake_256(b"text").digest(2_500_001)
    key, iv = bytes(32), bytes(16)
    assert do(12, key=key, param=iv, data=data) == AES.new(key, AES.MODE_CBC, iv=iv).encrypt(pad(data, 16))
    cipher = AES.new(key, AES.MODE_GCM, nonce=iv)
    assert do(10, 16, key=key, param=iv, data=data) == b"".join(cipher.encrypt_and_digest(data))
    assert do(13, key=key, param=iv, data=do(12, key=key, param=iv, data=data)) == data


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ((21, 2, 32, 10_000_000), 0),
        ((21, 2, 33, 10_000_000), 10),
        ((21, 2, 0xFFFFFFFF, 1), 10),
        ((21, 2, 1 << 20, 1), 0),
        ((21, 2, (1 << 20) + 1, 1), 10),
        ((21, 2, 32, 0xFFFFFFFF), 10),
        ((21, 2, 32, 0), 3),
        ((21, 9, 32, 1), 3),
        ((20, 2, 255 * 32 + 1), 3),
        ((20, 0, 32), 3),
        ((1, 5), 3),
    ],
)
def test_bounds(monkeypatch: pytest.MonkeyPatch, request_: tuple[int, ...], expected: int) -> None:
    """What is allowed at most is not computed here: it takes seconds."""
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", lambda *_: b"")
    assert code(*request_, key=b"x") == expected
    assert code(21, 1, 20 * 4096, 1, param=bytes(65473)) == 10
    assert code(20, 1, 255 * 20, extra=bytes(1_100_000)) == 10
    assert code(15, key=bytes(16), data=bytes((64 << 10) + 8)) == 10
    assert code(16, key=bytes(16), data=bytes((64 << 10) + 8)) == 10


@given(keys, blocks, st.integers(0, 5))
def test_aes_of_whole_blocks(key: bytes, iv: bytes, count: int) -> None:
    data = bytes(range(16)) * count
    for mode, cipher in ((1, lambda: AES.new(key, AES.MODE_CBC, iv=iv)), (2, lambda: AES.new(key, AES.MODE_ECB))):
        param = iv if mode == 1 else b""
        text = do(17, mode, key=key, param=param, data=data)
        assert text == cipher().encrypt(data)
        assert do(18, mode, key=key, param=param, data=text) == data
        assert code(17, mode, key=key, param=param, data=data + b"x") == 3
        assert code(18, mode, key=key, param=param, data=data + b"x") == 3
    assert code(17, 2, key=key, param=iv, data=data) == 3
    assert code(17, 3, key=key, data=data) == 3


@given(keys, st.binary(min_size=8, max_size=40), st.binary(min_size=1, max_size=100))
def test_the_counter_of_gcm(key: bytes, iv: bytes, data: bytes) -> None:
    """CTR from there gives the text of GCM."""
    assert (
        do(14, 32, key=key, param=do(19, key=key, param=iv), data=data)
        == do(10, 16, key=key, param=iv, data=data)[:-16]
    )


#: RFC 7914 section 12.
SCRYPT = [
    (b"", b"", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"),
    (b"password", b"NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
]


@pytest.mark.parametrize(("password", "salt", "n", "r", "p", "expected"), SCRYPT)
def test_scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, expected: str) -> None:
    assert do(22, 32, n, r | p << 16, key=password, param=salt).hex() == expected


@pytest.mark.parametrize(
    ("size", "n", "r", "p", "expected"),
    [
        (32, 0, 8, 1, 3), (32, 1, 8, 1, 3), (32, 1000, 8, 1, 3), (32, 1024, 0, 1, 3), (32, 1024, 8, 0, 3),
        (32, 1 << 19, 8, 1, 10), (32, 1 << 18, 8, 3, 10), (32, 2, 65535, 65535, 10), (32, 2, 1, 1025, 10),
        (2 << 20, 2, 1, 1, 10), (1 << 20, 2, 64, 1024, 10), (0, 2, 1, 1, 0),
    ],
)  # fmt: skip
def test_bounds_of_scrypt(size: int, n: int, r: int, p: int, expected: int) -> None:
    assert code(22, size, n, r | p << 16, key=b"p", param=b"s") == expected
