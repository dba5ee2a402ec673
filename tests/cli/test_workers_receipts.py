"""Receipts of a node of several workers: one log, and one is found whichever worker is asked."""

import http.client
import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cli.support import wapo
from tests.cli.test_workers import HELLO, fleet
from tests.cli.workers import until
from wapo.trust.merkle import check_inclusion, hash_of, leaf_hash, read_head
from wapo.trust.receipt_checks import verify_receipt
from wapo.trust.receipts import read_document, read_jwks


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.loads(response.read())


def ask(url: str, times: int) -> list[str]:
    """Ids of requests, each on a connection of its own: workers take turns."""
    found = []
    for _ in range(times):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        connection.request("GET", parts.path)
        response = connection.getresponse()
        assert response.read() == b"hello"
        found.append(response.headers["x-request-id"])
        connection.close()
    return found


def test_workers_keep_one_log_and_take_a_rotation_over(data: Path) -> None:
    with fleet(data, 2, "--receipts", "always") as node:
        ids = ask(node.publish(HELLO), 40)
        keys = read_jwks(get(f"{node.url}/.well-known/jwks.json"))
        indices = set()
        for name in ids:
            document = get(f"{node.url}/receipts/{name}")
            receipt = verify_receipt(document, keys, response_body=b"hello", status=200)
            log = document["log"]
            head = read_head(log["head"], keys)
            leaf, proof = leaf_hash(read_document(document)[0].canonical()), [hash_of(step) for step in log["proof"]]
            assert check_inclusion(leaf, log["index"], head.size, proof, head.root)
            assert receipt.request_id == name
            indices.add(log["index"])
        assert indices == set(range(40))
        new = wapo("keys", "rotate", "--json").json[0]["key"]  # type: ignore[index]

        def taken_over() -> bool:
            names = ask(node.publish(HELLO), 4)
            return all(get(f"{node.url}/receipts/{name}")["key"] == new for name in names)

        until(taken_over, "the workers sign with the old key")
        keys = read_jwks(get(f"{node.url}/.well-known/jwks.json"))
        verify_receipt(get(f"{node.url}/receipts/{ids[0]}"), keys)
        node.ends_well()
