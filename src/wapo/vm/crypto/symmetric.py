"""HMAC and AES: FIPS 198-1, FIPS 197, SP 800-38A (CBC, CTR), SP 800-38D (GCM), RFC 3394 (KW)."""

import hmac
from typing import Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR, ECB, GCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from wapo.vm.crypto.request import HASH_NAMES, Operation, Request, invalid, limited

__all__ = ["SYMMETRIC"]

_BLOCK: Final = 16
_CBC: Final = 1
_ECB: Final = 2
_TAG_BYTES: Final = frozenset((4, 8, 12, 13, 14, 15, 16))
#: Ciphers hold the interpreter's lock while they allocate their result, so a long text goes through in pieces.
_PIECE_BYTES: Final = 1 << 20
_MAX_WRAPPED_BYTES: Final = 64 << 10
_TRUE: Final = b"\1"
_FALSE: Final = b"\0"


def _mac(request: Request) -> bytes:
    name = HASH_NAMES.get(request.a)
    if name is None:
        invalid()
    return hmac.digest(request.key, request.data, name)


def _mac_matches(request: Request) -> bytes:
    return _TRUE if hmac.compare_digest(_mac(request), request.param) else _FALSE


def _through(context: CipherContext, data: bytes) -> bytes:
    if len(data) <= _PIECE_BYTES:
        return context.update(data) + context.finalize()
    pieces = [context.update(data[at : at + _PIECE_BYTES]) for at in range(0, len(data), _PIECE_BYTES)]
    pieces.append(context.finalize())
    return b"".join(pieces)


def _gcm_encrypt(request: Request) -> bytes:
    if request.a not in _TAG_BYTES:
        invalid()
    context = Cipher(AES(request.key), GCM(request.param)).encryptor()
    context.authenticate_additional_data(request.extra)
    text = _through(context, request.data)
    return text + context.tag[: request.a]


def _gcm_decrypt(request: Request) -> bytes:
    size = len(request.data) - request.a
    if request.a not in _TAG_BYTES or size < 0:
        invalid()
    mode = GCM(request.param, request.data[size:], min_tag_length=request.a)
    context = Cipher(AES(request.key), mode).decryptor()
    context.authenticate_additional_data(request.extra)
    return _through(context, request.data[:size])


def _cbc_encrypt(request: Request) -> bytes:
    padder = padding.PKCS7(8 * _BLOCK).padder()
    padded = padder.update(request.data) + padder.finalize()
    return _through(Cipher(AES(request.key), CBC(request.param)).encryptor(), padded)


def _cbc_decrypt(request: Request) -> bytes:
    if not request.data:
        invalid()
    padded = _through(Cipher(AES(request.key), CBC(request.param)).decryptor(), request.data)
    unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _block_mode(request: Request) -> CBC | ECB:
    """For what a guest puts together of pieces: CBC goes on with the last block of the piece before as its iv."""
    if request.a == _CBC:
        return CBC(request.param)
    if request.a != _ECB or request.param:
        invalid()
    return ECB()


def _blocks_encrypt(request: Request) -> bytes:
    if len(request.data) % _BLOCK:
        invalid()
    return _through(Cipher(AES(request.key), _block_mode(request)).encryptor(), request.data)


def _blocks_decrypt(request: Request) -> bytes:
    if len(request.data) % _BLOCK:
        invalid()
    return _through(Cipher(AES(request.key), _block_mode(request)).decryptor(), request.data)


def _gcm_counter(request: Request) -> bytes:
    """The counter block of the first block of text (SP 800-38D section 7.1, steps 2 and 3), taken from its key stream.

    So text can be given back before all of it is there, which the library's one call would not do.
    """
    stream = Cipher(AES(request.key), GCM(request.param)).encryptor().update(bytes(_BLOCK))
    return Cipher(AES(request.key), ECB()).decryptor().update(stream)


def _ctr(request: Request) -> bytes:
    """Only the last ``a`` bits of the counter block count, and come round to 0; the others stay (SP 800-38A, B.1).

    The library counts with all 128, so a text that comes round is two of its.
    """
    bits, block = request.a, int.from_bytes(request.param)
    if not 1 <= bits <= 8 * _BLOCK or len(request.param) != _BLOCK:
        invalid()
    period = 1 << bits
    if (len(request.data) + _BLOCK - 1) // _BLOCK > period:
        invalid()  # a counter would be used twice
    until_zero = (period - block % period) * _BLOCK
    text = _through(_counting(request.key, block), request.data[:until_zero])
    if until_zero < len(request.data):
        text += _through(_counting(request.key, block - block % period), request.data[until_zero:])
    return text


def _counting(key: bytes, block: int) -> CipherContext:
    return Cipher(AES(key), CTR(block.to_bytes(_BLOCK))).encryptor()


def _wrap(request: Request) -> bytes:
    if len(request.data) > _MAX_WRAPPED_BYTES:
        limited()
    return aes_key_wrap(request.key, request.data)


def _unwrap(request: Request) -> bytes:
    if len(request.data) > _MAX_WRAPPED_BYTES:
        limited()
    return aes_key_unwrap(request.key, request.data)


SYMMETRIC: Final = {
    1: Operation(_mac),
    2: Operation(_mac_matches),
    10: Operation(_gcm_encrypt),
    11: Operation(_gcm_decrypt),
    12: Operation(_cbc_encrypt),
    13: Operation(_cbc_decrypt),
    14: Operation(_ctr),
    15: Operation(_wrap),
    16: Operation(_unwrap),
    17: Operation(_blocks_encrypt),
    18: Operation(_blocks_decrypt),
    19: Operation(_gcm_counter),
}
