"""Answers every HTTP request with as many bytes as its path says: ``bytes_server.py``, prints its port."""

import socket
import sys
import threading

PIECE = bytes(1 << 20)


def serve(connected: socket.socket) -> None:
    with connected:
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                more = connected.recv(65536)
                if not more:
                    return
                buffer += more
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            size = int(head.split(b" ")[1].rpartition(b"/")[2])
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, len(PIECE)):
                connected.sendall(PIECE[: size - at])


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
