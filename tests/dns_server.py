"""A name server on the loopback address that knows what a test tells it, for all that asks the DNS in earnest."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers questions over UDP from `texts` (TXT) and `addresses` (A, AAAA), by names without a final dot.

    `broken` makes it refuse to serve.
    """

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.addresses: dict[str, list[str]] = {}
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
        rows = self._rows(name.to_text(omit_final_dot=True), question.question[0].rdtype)
        self.asked.append(name.to_text(omit_final_dot=True))
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif rows is not None:
            kind = question.question[0].rdtype
            answer.answer += [dns.rrset.from_text_list(name, 60, "IN", kind, rows)] if rows else []
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def _rows(self, name: str, kind: dns.rdatatype.RdataType) -> list[str] | None:
        """What there is of a kind; nothing of it where the name is known by another kind, None where it is not known."""
        if kind == dns.rdatatype.TXT:
            texts = self.texts.get(name)
            return [f'"{text}"' for text in texts] if texts else None
        if name not in self.addresses:
            return None
        is_six = kind == dns.rdatatype.AAAA
        return [address for address in self.addresses[name] if (":" in address) == is_six]


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A running server."""
    server = NameServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
