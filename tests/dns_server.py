"""A name server on the loopback address that knows what a test tells it, for all that asks the DNS in earnest."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """Answers TXT questions over UDP from `texts` (name without a final dot); `broken` makes it refuse to serve."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.broken = False
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                wire, sender = self._socket.recvfrom(4096)
            except OSError:
                return
            try:
                self._socket.sendto(self._answer(wire), sender)
            except OSError:
                return

    def _answer(self, wire: bytes) -> bytes:
        question = dns.message.from_wire(wire)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA | dns.flags.RA
        name = question.question[0].name
        texts = self.texts.get(name.to_text(omit_final_dot=True))
        self.asked.append(name.to_text(omit_final_dot=True))
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif texts:
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", [f'"{text}"' for text in texts]))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A running server."""
    server = NameServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
