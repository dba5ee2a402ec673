"""Why a query's signature is refused (node-and-gateway 3.6.4). The text names the kind, as the original's does.

Of the original's kinds two cannot occur: a certificate is part of the encoding (``CertificateMissing``), which has room
for one level of them (``TooLongCertificateChain``). ``CertificateOutOfScope`` is new: the original never looked.
"""

from typing import ClassVar

from wapo.errors import CallerError

__all__ = [
    "CertificateExpired",
    "CertificateOutOfScope",
    "Eip712EncodingError",
    "InvalidPublicKey",
    "InvalidSignature",
    "InvalidSignatureType",
    "QuerySignatureError",
    "UndecodableSignature",
]


class QuerySignatureError(CallerError):
    """A query's signature is refused; the classes below say why."""

    code = "bad_query_signature"
    kind: ClassVar[str] = "Unknown"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"failed to verify the signature: {self.kind}" + (f" ({detail})" if detail else ""))


class UndecodableSignature(QuerySignatureError):
    """The signature is not the SCALE encoding of one, or too long."""

    code = "undecodable_signature"
    kind = "DecodeFailed"


class InvalidSignatureType(QuerySignatureError):
    """There is no kind of signature with that number."""

    code = "invalid_signature_type"
    kind = "InvalidSignatureType"


class InvalidPublicKey(QuerySignatureError):
    """A signer's public key is none of the signature's kind, or one that everybody can sign for."""

    code = "invalid_public_key"
    kind = "InvalidPublicKey"


class InvalidSignature(QuerySignatureError):
    """A signature is not the signer's for this query, or not the root signer's for this certificate."""

    code = "invalid_signature"
    kind = "InvalidSignature"


class CertificateExpired(QuerySignatureError):
    """The certificate's time is over."""

    code = "certificate_expired"
    kind = "CertificateExpired"


class CertificateOutOfScope(QuerySignatureError):
    """No scope of the certificate covers the query's app and path."""

    code = "certificate_out_of_scope"
    kind = "CertificateOutOfScope"


class Eip712EncodingError(QuerySignatureError):
    """The query has no EIP-712 form: its path is no UTF-8."""

    code = "eip712_encoding_error"
    kind = "Eip712EncodingError"
