"""What the host hands to every hook call: configuration, secrets, ways out, documents, store, clock and logger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class BasicAuth:
    """HTTP Basic: the host puts user name and the named secret into the header."""

    username: str
    secret: str


@dataclass(frozen=True)
class OAuthClient:
    """OAuth 2 client credentials: the host gets the token with the named secret, keeps it until it ends, and adds it."""

    token_url: str
    client_id: str
    secret: str
    scope: str = ""


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request.

    `trust_pem` is the certificate authority to trust instead of the public ones; `auth` lets the host sign in;
    `client_certificate` names a secret (PEM: certificate and key) for mutual TLS. What `context.secrets` gave may
    stand in URL, headers and content: the host puts the value in, escaped for the place, as the request leaves.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout_seconds: float = 10.0
    trust_pem: str | None = None
    auth: BasicAuth | OAuthClient | None = None
    client_certificate: str = ""


@dataclass(frozen=True)
class HttpResponse:
    """The answer to an HTTP request; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpClient(Protocol):
    """The way out over HTTPS: the host checks the address against manifest and tenant policy."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request.

        Raises `Retryable` when the request never left (no connection), `OutcomeUnknown` when it may have arrived
        but no whole answer came back, `Terminal` when the address is not allowed.
        """
        ...


@dataclass(frozen=True)
class FileServer:
    """An SFTP server: who we are there by the name of a secret (password or PEM key), and the server's own key."""

    host: str
    username: str
    host_key: str
    password_secret: str = ""
    key_secret: str = ""
    port: int = 22


class FileClient(Protocol):
    """The way out over SFTP, to hosts that the manifest names; errors as those of `HttpClient.send`."""

    def list(self, server: FileServer, folder: str) -> Sequence[str]:
        """The names of the files in a folder."""
        ...

    def get(self, server: FileServer, path: str) -> bytes:
        """A file's content; raises `Terminal` with code `file_missing` when there is none."""
        ...

    def put(self, server: FileServer, path: str, content: bytes) -> None:
        """Write a file under another name and rename it into place, so that nobody reads half of it."""
        ...

    def remove(self, server: FileServer, path: str) -> None:
        """Remove a file; none there is no error."""
        ...


class DocumentReader(Protocol):
    """The tenant's documents that a payload refers to, and no others."""

    def read(self, reference: str) -> bytes:
        """The content of a document named in this call's payload; raises `Terminal` for any other."""
        ...


class Store(Protocol):
    """A small key-value store of the connection: 1,000 keys of 128 characters, 64 KiB each; outlives the process."""

    def get(self, key: str) -> bytes | None:
        """The value under a key, or None."""
        ...

    def put(self, key: str, value: bytes, *, seconds: float | None = None) -> None:
        """Keep a value, for so many seconds where given."""
        ...

    def add(self, key: str, value: bytes, *, seconds: float | None = None) -> bool:
        """Keep a value unless the key is taken; whether it was kept. One of many callers at once succeeds."""
        ...

    def delete(self, key: str) -> None:
        """Forget a key; none there is no error."""
        ...


class Logger(Protocol):
    """A structured logger; the host masks secrets, identifiers, telephone and account numbers in the values."""

    def info(self, event: str, **values: Any) -> None:
        """Record that something went as meant."""
        ...

    def warning(self, event: str, **values: Any) -> None:
        """Record that something should be looked at."""
        ...


class Unavailable:
    """Stands for a service that a host does not offer: whatever is asked of it raises `Terminal`."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse

    def _refuse(self, *_: object, **__: object) -> Any:
        from trilend_sdk.errors import Terminal

        raise Terminal(f"This host offers plugins no {self._service}.", "service_unavailable")


NO_FILES: Any = Unavailable("file transfer")
NO_DOCUMENTS: Any = Unavailable("documents")
NO_STORE: Any = Unavailable("store")


@dataclass(frozen=True)
class PluginContext:
    """One call's surroundings.

    `config` is what the tenant entered, valid against the manifest's schema. `secrets` gives, by name, the value of a
    secret that the plugin holds and a placeholder for one that the host holds. `clock` gives the present instant in
    UTC. `locale` is that of the person who waits (`zh_Hans`, `zh_Hant_HK`, `en`). `callback_url` is the connection's
    public address. `connection` names the connection, the same at every call; `call` names this call, for logs.
    """

    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    http: HttpClient
    clock: Callable[[], datetime]
    log: Logger
    files: FileClient = NO_FILES
    documents: DocumentReader = NO_DOCUMENTS
    store: Store = NO_STORE
    locale: str = "zh_Hans"
    callback_url: str = ""
    connection: str = ""
    call: str = ""
