"""A cache of Intel's collateral (PCCS) as ``dcap-qvl`` asks it, with a platform's own."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote, urlsplit

from tests.trust.attestation.platform import Platform
from tests.verify.http_server import serving_with

__all__ = ["pccs"]


def _same(body: bytes) -> bytes:
    return body


@contextmanager
def pccs(platform: Platform, change: Callable[[bytes], bytes] = _same) -> Iterator[str]:
    """Its address, for a block. ``change`` is done to each answer."""
    said = json.loads(platform.collateral())
    signing = quote(said["tcb_info_issuer_chain"])
    answers: dict[str, tuple[dict[str, str], bytes]] = {
        "pckcrl": ({"SGX-PCK-CRL-Issuer-Chain": quote(said["pck_crl_issuer_chain"])}, bytes.fromhex(said["pck_crl"])),
        "tcb": (
            {"TCB-Info-Issuer-Chain": signing, "SGX-TCB-Info-Issuer-Chain": signing},
            f'{{"tcbInfo":{said["tcb_info"]},"signature":"{said["tcb_info_signature"]}"}}'.encode(),
        ),
        "identity": (
            {"SGX-Enclave-Identity-Issuer-Chain": quote(said["qe_identity_issuer_chain"])},
            f'{{"enclaveIdentity":{said["qe_identity"]},"signature":"{said["qe_identity_signature"]}"}}'.encode(),
        ),
        "rootcacrl": ({}, said["root_ca_crl"].encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers, body = answers.get(urlsplit(self.path).path.rsplit("/", 1)[-1], ({}, b""))
            body = change(body)
            self.send_response(200 if body else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None: ...

    with serving_with(Handler) as url:
        yield url
