"""A proxy before an S3-compatible server that counts requests: the store's own word is not asked for."""

import socket
import threading
from collections import Counter


class CountingProxy:
    """Passes requests on unchanged (so their signatures stay right) and counts them by method."""

    def __init__(self, port):
        self._upstream = port
        self._counts, self._lock = Counter(), threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def counts(self):
        """Requests so far, by method."""
        with self._lock:
            return Counter(self._counts)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=copy, args=(server, client), daemon=True).start()
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()

    def _requests(self, client, server):
        waiting = b""
        try:
            while True:
                while b"\r\n\r\n" not in waiting:
                    more = client.recv(65536)
                    if not more:
                        return
                    waiting += more
                head, waiting = waiting.split(b"\r\n\r\n", 1)
                with self._lock:
                    self._counts[head.split(b" ", 1)[0].decode()] += 1
                server.sendall(head + b"\r\n\r\n")
                left = body_bytes(head)
                while left:
                    if not waiting:
                        waiting = client.recv(min(left, 1 << 20))
                        if not waiting:
                            return
                    server.sendall(waiting[:left])
                    taken = min(left, len(waiting))
                    left, waiting = left - taken, waiting[taken:]
        except OSError:
            pass
        finally:
            close(server)


def copy(source, target):
    try:
        while part := source.recv(1 << 20):
            target.sendall(part)
    except OSError:
        pass
    finally:
        close(source)
        close(target)


def close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()


def body_bytes(head):
    """How many bytes follow a request's head. The store's client always declares them."""
    for line in head.split(b"\r\n")[1:]:
        name, value = line.split(b":", 1)
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
