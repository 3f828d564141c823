"""The process of a sandbox server: `run` starts it on 127.0.0.1 over HTTPS until it is told to stop."""

import argparse
import errno
import signal
import socket
import sqlite3
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from trilend_sandbox.house.credentials import server_context
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import StartFailure
from trilend_sandbox.house.faults import DROP_CONNECTION
from trilend_sandbox.house.sandbox import Sandbox

HOST = "127.0.0.1"
READY = " ready: "


def run(sandbox: Sandbox, arguments: Sequence[str] | None = None) -> int:
    """Run a server until SIGTERM or SIGINT; the exit code is 2 when it cannot start."""
    options = _options(sandbox, arguments)
    try:
        listener = _listen(options.port)
        with listener:
            server = _server(sandbox, listener, options.data_dir)
    except StartFailure as failure:
        print(f"{sandbox.title}: {failure}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    print(f"{sandbox.title}{READY}https://{HOST}:{server.port}", flush=True)
    server.serve_forever()
    return 0


class _Handler(WSGIRequestHandler):
    """Closes the connection of a client that stays silent, and keeps no request log."""

    timeout = 60

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the database holds what happened."""


def _options(sandbox: Sandbox, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"trilend_sandbox.{sandbox.name}", description=f"{sandbox.title}, on 127.0.0.1 only."
    )
    parser.add_argument(
        "--port", type=int, default=sandbox.default_port, help="0 takes a free one (default %(default)s)"
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where keys and books are kept")
    return parser.parse_args(arguments)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OverflowError:
        listener.close()
        raise StartFailure(f"{port} is no port number.") from None
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartFailure(f"port {port} is in use by another program.") from None
        raise StartFailure(f"cannot listen on port {port}: {error.strerror}.") from None
    return listener


def _server(sandbox: Sandbox, listener: socket.socket, folder: Path) -> ThreadedWSGIServer:
    app, context = _application(sandbox, folder)
    server = ThreadedWSGIServer(HOST, 0, _dropping(app), _Handler, fd=listener.fileno())
    # The handshake is left to the request's thread: a client that connects and says nothing holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.ssl_context = context
    return server


def _application(sandbox: Sandbox, folder: Path) -> tuple[Flask, ssl.SSLContext]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        context = server_context(folder, sandbox.title)
        app = sandbox.build(Database(folder / f"{sandbox.name}.sqlite3", sandbox.schema), folder)
    except OSError as error:
        raise StartFailure(f"the data folder {folder} cannot be used: {error.strerror}.") from None
    except (ValueError, sqlite3.Error) as error:
        raise StartFailure(f"the data folder {folder} holds a broken file: {error}.") from None
    return app, context


def _dropping(app: Flask) -> WSGIApplication:
    """The application, closing the connection without an answer where a fault asked for it."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = app(environ, start_response)
        if environ.get(DROP_CONNECTION):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return answer

    return serve


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
