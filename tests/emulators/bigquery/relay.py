"""A relay on loopback that cuts connections after a number of bytes, as a failing network does."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Relay:
    """Passes connections on to a port of this machine.

    Attributes:
        port: Where it listens.
        received: Bytes that came back from the server so far, over all connections.
    """

    def __init__(self, target_port: int, cuts: Sequence[int]) -> None:
        self._target_port = target_port
        self._cuts = list(cuts)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.received = 0
        self.connection_count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with self._lock:
            _close(self._listener, *self._open)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                self.connection_count += 1
                limit = self._cuts.pop(0) if self._cuts else None
            if limit == 0:
                _close(client)
                continue
            server = socket.create_connection(("127.0.0.1", self._target_port))
            with self._lock:
                self._open += [client, server]
            threading.Thread(target=self._send, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, limit), daemon=True).start()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the other direction has closed both
            while sent := client.recv(65_536):
                server.sendall(sent)
        _close(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, limit: int | None) -> None:
        """What comes back, up to the limit."""
        passed = 0
        with contextlib.suppress(OSError):
            while passed != limit:
                answered = server.recv(65_536 if limit is None else min(65_536, limit - passed))
                if not answered:
                    break
                client.sendall(answered)
                passed += len(answered)
                with self._lock:
                    self.received += len(answered)
        _close(client, server)


def _close(*ends: socket.socket) -> None:
    for one in ends:
        with contextlib.suppress(OSError):  # not connected any more
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def cutting(target_port: int, cuts: Sequence[int]) -> Iterator[Relay]:
    """The first connection is cut after `cuts[0]` bytes, the next after `cuts[1]`; later ones never."""
    relay = Relay(target_port, cuts)
    try:
        yield relay
    finally:
        relay.close()
