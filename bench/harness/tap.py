"""A relay between Postroom and the mail server that notes when the server pushes: the moment `EXISTS` passes."""

from __future__ import annotations

import selectors
import socket
import threading
import time

from servers.ports import free_port


class Tap:
    """`port` leads to `target`. `pushed` is set when `* n EXISTS` passes while the client is in IDLE."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.pushed = threading.Event()
        self.pushed_at = 0.0
        self.idle = threading.Event()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def expect(self) -> None:
        self.pushed.clear()

    def _run(self) -> None:
        chosen = selectors.DefaultSelector()
        chosen.register(self._listener, selectors.EVENT_READ)
        while True:
            for key, _ in chosen.select():
                if key.fileobj is self._listener:
                    client, _ = self._listener.accept()
                    server = socket.create_connection(("127.0.0.1", self._target))
                    for one in (client, server):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    chosen.register(client, selectors.EVENT_READ, (server, "client"))
                    chosen.register(server, selectors.EVENT_READ, (client, "server"))
                    continue
                self._pass(chosen, key)

    def _pass(self, chosen: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        here, (there, who) = key.fileobj, key.data
        assert isinstance(here, socket.socket)
        try:
            octets = here.recv(1 << 16)
            if octets:
                if who == "server" and self.idle.is_set() and b" EXISTS" in octets and not self.pushed.is_set():
                    self.pushed_at = time.time()
                    self.pushed.set()
                there.sendall(octets)
        except OSError:
            octets = b""
        if who == "client" and octets:
            if b" IDLE\r\n" in octets.upper():
                self.idle.set()
            elif octets.upper().startswith(b"DONE"):
                self.idle.clear()
        if not octets:
            for one in (here, there):
                try:
                    chosen.unregister(one)
                except (KeyError, ValueError):
                    continue
                one.close()
