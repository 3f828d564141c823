"""Settings of one installation, read from the environment (prefix `TRILEND_`) once."""

from functools import cache
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerAddresses(BaseModel):
    """How a further PostgreSQL server is reached, by the same two logins as the first one."""

    database_url: SecretStr
    owner_database_url: SecretStr | None = None


class Settings(BaseSettings):
    """What an operator decides; secrets never have defaults.

    `database_url` is the login that owns nothing, `owner_database_url` the one that creates schemas and roles (only
    workers and migrations have it). `base_url` is the public site; tenants and console live on host names below it.
    """

    model_config = SettingsConfigDict(env_prefix="TRILEND_", extra="ignore", frozen=True)

    database_url: SecretStr
    owner_database_url: SecretStr | None = None
    valkey_url: str
    secret_key: SecretStr
    master_key: SecretStr
    base_url: str
    storage_url: str
    smtp_url: SecretStr | None = None
    mail_from: str = "no-reply@localhost"
    outbox_page: bool = False
    environment_label: str = ""
    gallery: bool = False
    metrics_on_public_hosts: bool = True
    allow_loopback_egress: bool = False
    job_lease_seconds: int = 60
    job_sweep_seconds: int = 5
    database_pool_size: int = 8
    database_pool_kept: int = 1
    database_schemas_per_connection: int = 150
    database_connections_per_tenant: int = Field(default=4, ge=2)
    database_patience_seconds: float = 5.0
    request_statement_seconds: int = Field(default=30, ge=1)
    requests_per_tenant: int = Field(default=6, ge=1)
    database_cells: int = Field(default=16, ge=1, le=99)
    shards: dict[str, ServerAddresses] = {}
    shard_for_new_tenants: str = "primary"
    spares_per_kind: int = 2

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return urlsplit(self.base_url).scheme

    @property
    def base_host(self) -> str:
        """Host name of the public site without the port."""
        return urlsplit(self.base_url).hostname or ""

    def url_of(self, subdomain: str) -> str:
        """Address of a tenant (by slug) or of the console, without a trailing slash."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{subdomain}.{parts.netloc}"


@cache
def settings() -> Settings:
    """The installation's settings; raises `pydantic.ValidationError` naming what is missing."""
    return Settings()  # type: ignore[call-arg]  # values come from the environment
