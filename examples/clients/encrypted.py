"""A secret for an agent, and a question to it, that nobody between you and the node can read.

    python examples/clients/encrypted.py https://node.example/ipfs/<cid of examples/agents/secret.js> NAME=VALUE [KEY]

KEY is the node's, in hex: what ``wapo verify https://node.example --policy policy.toml`` calls ``encrypt_to``. Without
it, you trust whoever answers at the address. Encrypted requests are described in docs/trust.md.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from wapo.client import EncryptedClient


async def main(url: str, secret: str, key: str | None = None) -> None:
    parts = urlsplit(url)
    name, _, value = secret.partition("=")
    item = json.dumps({"cid": parts.path.removeprefix("/ipfs/"), "data": {name: value}}).encode()
    async with EncryptedClient(f"{parts.scheme}://{parts.netloc}", key=bytes.fromhex(key) if key else None) as client:
        # The address of the agent, the secret, and the key of its item in the address of the question: all inside.
        async with await client.request("POST", "/vaults", content=item) as response:
            receipt = json.loads(await response.read())
        if not receipt.get("succeed"):
            raise SystemExit(f"the secret was not stored: {receipt}")
        async with await client.request("GET", f"{parts.path}?key={receipt['key']}") as response:
            async for piece in response:
                sys.stdout.buffer.write(piece)
    sys.stdout.write("\n")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
