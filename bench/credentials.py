"""What does it take to look for a secret in an answer?"""

import base64
import json
import random
import time

from harness import report

from wapo.vm.credentials.disguises import Disguises
from wapo.vm.credentials.scrubber import Scrubber

ROUNDS = 7
PIECE = 4 << 10
SECRET = "sk-proj-" + random.Random(1).randbytes(24).hex()

ROW = {"id": 1, "text": 'Hello "world" caf\u00e9 \n and so on', "url": "https://a.example/c?d=e%20f&g"}
ANSWERS = {
    "prose": b"The quick brown fox jumps over the lazy dog. " * 2000,
    "json": json.dumps([ROW | {"id": number} for number in range(800)]).encode(),
    "events": b"".join(b'data: {"choices":[{"delta":{"content":"tok%d"}}]}\n\n' % at for at in range(1600)),
    "html": b"<a href=\"https://x.example/?a=1&amp;b=2\" class='c'>text</a>\n" * 1300,
    "base64": base64.b64encode(random.Random(2).randbytes(60_000)),
    "random bytes": random.Random(3).randbytes(80_000),
    "percent": b"%41%42" * 13_000,
    "the worst": b"%5c\\u0025&#x25;=3d\0\\\\" * 3600,
}


def seconds_of(body: bytes) -> float:
    scrubber = Scrubber((Disguises(SECRET),))
    begin = time.process_time()
    for at in range(0, len(body), PIECE):
        scrubber.feed(body[at : at + PIECE])
    scrubber.end()
    return time.process_time() - begin


def main() -> None:
    best = dict.fromkeys(ANSWERS, float("inf"))
    for _ in range(ROUNDS):
        for name, body in ANSWERS.items():
            best[name] = min(best[name], seconds_of(body))
    begin = time.process_time()
    for number in range(500):
        Disguises(f"{SECRET}{number}")
    made_us = (time.process_time() - begin) / 500 * 1e6
    rows = {
        name: {"MB/s": len(body) / best[name] / 1e6, "ms for 4 KiB": best[name] / len(body) * PIECE * 1e3}
        for name, body in ANSWERS.items()
    }
    report("Looking for a secret of 56 characters in an answer", {**rows, "forms of a secret (us)": made_us})


if __name__ == "__main__":
    main()
