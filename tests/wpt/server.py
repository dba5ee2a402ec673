"""Serves a checkout's resources: ``python -m tests.wpt.server CHECKOUT`` prints its port and ends with its stdin.

The server is the project's own: the checkout's ``tools/wptserve`` if it is there, else the package's.
"""

import json
import logging
import socket
import sys
from pathlib import Path
from typing import Any


def _import_wptserve(checkout: Path) -> Any:
    tools = checkout / "tools"
    if (tools / "localpaths.py").is_file():
        sys.path.insert(0, str(tools))
        import localpaths  # noqa: F401  # finds the checkout's packages
    from wptserve import config, server

    return config, server


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def main(checkout: Path) -> None:
    config_module, server_module = _import_wptserve(checkout)
    logging.disable(logging.CRITICAL)
    ports = _free_ports(2)
    builder = config_module.ConfigBuilder(
        logging.getLogger("wptserve"), browser_host="localhost", server_host="127.0.0.1", doc_root=str(checkout),
        check_subdomains=False, ports={"http": ports, "https": [], "ws": [], "wss": []},
    )  # fmt: skip
    with builder as config:
        servers = [
            server_module.WebTestHttpd(
                host="localhost", port=port, doc_root=str(checkout), config=config, bind_address=False
            )
            for port in ports
        ]
        for server in servers:
            server.start()
        sys.stdout.write(json.dumps({"port": ports[0]}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
