"""The imaginary ledger bank of the plugin author's guide: a real HTTPS server that speaks its protocol."""

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

TOKEN = "correct horse"
BOOKED = {"booked_on": "2026-03-02", "booked_at": "2026-03-02T09:00:00+08:00", "direction": "out"}


@dataclass
class Ledger:
    """What the bank knows."""

    base_url: str = ""
    ca_pem: str = ""
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)


@contextmanager
def running(folder: Path) -> Iterator[Ledger]:
    """Serve on a free port of this machine until the end of the block."""
    ledger = Ledger(ca_pem=_make_certificate(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(ledger))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    ledger.base_url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(ledger: Ledger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/account":
                self._answer(200, {"holder": "青山小额贷款有限公司", "number": "11001085", "balance": "5000.00"})
            elif parts.path == "/entries":
                asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                self._answer(200, _page(ledger, int(asked["after"] or 0), int(asked["limit"])))
            else:
                known = ledger.transfers.get(parts.path.removeprefix("/transfers/"))
                self._answer(200 if known else 404, known or {"reason": "no such transfer"})

        def do_PUT(self) -> None:
            key = self.path.removeprefix("/transfers/")
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if key not in ledger.transfers and order["payee"]["number"] == "00000000":
                self._answer(400, {"reason": "no such account"})
                return
            done = {"state": "settled", "reference": f"L{len(ledger.transfers) + 1}", "reason": ""} | order
            self._answer(200, ledger.transfers.setdefault(key, done))

        def _answer(self, status: int, fields: dict[str, Any]) -> None:
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, fields = 401, {"reason": "the token is wrong"}
            content = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def _page(ledger: Ledger, after: int, limit: int) -> dict[str, Any]:
    made = [
        BOOKED
        | {"entry_id": done["reference"], "amount": done["amount"], "balance": "5000.00", "idempotency_key": key}
        | {"counterparty": done["payee"], "remark": done["purpose"]}
        for key, done in ledger.transfers.items()
    ]
    end = after + limit
    return {"entries": made[after:end], "next": str(min(end, len(made))), "more": end < len(made)}


def _make_certificate(folder: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ledger bank")])
    today = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (folder / "server.pem").write_text(private + pem, encoding="utf-8")
    return pem
