"""How many pages of its memory does a request write, in a machine of its own? Each is copied twice, and kept while it
waits.
"""

from harness import ROOT, a_node, asyncio, report, run

from wapo.agents.messages import AgentRequest

PAGE = 4096
REQUESTS: dict[str, dict[str, object]] = {
    "text": {},
    "hello": {},
    "main": {},
    "script": {},
    "json": {"method": "POST", "body": b'{"a": [1, 2]}'},
    "router": {"url": "http://localhost/users/1"},
    "stream": {},
    "timer": {},
    "digest": {},
    "log": {},
    "language": {},
}


async def main() -> None:
    async with a_node() as node:
        results: dict[str, object] = {}
        for name, options in REQUESTS.items():
            cid = await node.library.publish((ROOT / "guest" / "samples" / f"{name}.js").read_bytes())
            located = await node.programs.locate(str(cid), ())
            request = AgentRequest(
                **{"method": "GET", "url": "http://localhost/?name=x", "headers": [], "request_id": "bench", **options}
            )  # type: ignore[arg-type]
            response = await (await node.invoke(located, request, "GET /")).response()
            while response.stream is not None and await response.stream.read():
                pass
            await asyncio.sleep(0.05)  # the machine is given back
            image = next(reversed(node.images._images.values()))
            pool = image._pool
            assert pool is not None
            machine = pool.take()
            ranges = machine.own_pages or []
            results[name] = {
                "pages": sum(end - start for start, end in ranges) // PAGE,
                "ranges": len(ranges),
                "image KB": image.stored_bytes >> 10,
            }
            pool.give_back(machine, clean=False)
        report("Pages of 4 KiB that a request writes", results)


if __name__ == "__main__":
    run(main)
