"""Settings of one installation, read from the environment (prefix `TRILEND_`) once."""

from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerAddresses(BaseModel):
    """How a further PostgreSQL server is reached, by the same two logins as the first one."""

    database_url: SecretStr
    owner_database_url: SecretStr | None = None


class Settings(BaseSettings):
    """What an operator decides; secrets never have defaults.

    `database_url` is the login that owns nothing, `owner_database_url` the one that creates schemas and roles (only
    workers and migrations have it). `master_key_other` opens what it has wrapped while master keys are exchanged.
    `base_url` is the public site; tenants and console live on host names below it.
    """

    model_config = SettingsConfigDict(env_prefix="TRILEND_", extra="ignore", frozen=True)

    database_url: SecretStr
    owner_database_url: SecretStr | None = None
    valkey_url: str
    secret_key: SecretStr
    master_key: SecretStr
    master_key_other: SecretStr | None = None
    base_url: str
    storage_url: str
    storage_grace_hours: int = Field(default=24, ge=1)
    smtp_url: SecretStr | None = None
    mail_from: str = "no-reply@localhost"
    outbox_page: bool = False
    environment_label: str = ""
    support_contact: str = ""
    dns_resolver: str = ""
    sandbox_hosts: list[str] = []
    gallery: bool = False
    metrics_on_public_hosts: bool = True
    allow_loopback_egress: bool = False
    api_calls_per_minute: int = Field(default=600, ge=0)
    webhook_hosts: list[str] = []
    proxies_in_front: int = Field(default=0, ge=0, le=9)
    job_lease_seconds: int = 60
    job_sweep_seconds: int = 5
    job_grace_seconds: float = 20.0
    job_lost_leases: int = 10
    job_days: int = 30
    jobs_per_tenant: int = Field(default=3, ge=1)
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
    archive_url: str = ""
    export_days: int = 7
    moved_space_hours: int = 24
    closing_grace_days: int = 30
    escrow_public_key: str = ""
    timestamp_url: SecretStr | None = None
    timestamp_certificates: Path | None = None

    @model_validator(mode="after")
    def _timestamps_can_be_verified(self) -> Self:
        if self.timestamp_url is not None and self.timestamp_certificates is None:
            raise ValueError("TRILEND_TIMESTAMP_URL needs TRILEND_TIMESTAMP_CERTIFICATES, a PEM file")
        return self

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return urlsplit(self.base_url).scheme

    @property
    def base_host(self) -> str:
        """Host name of the public site without the port."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def public_port(self) -> int | None:
        """The port of the public site where it is not the one of its scheme, as on one machine."""
        return urlsplit(self.base_url).port

    def url_of(self, subdomain: str) -> str:
        """Address of a tenant (by slug) or of the console, without a trailing slash."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{subdomain}.{parts.netloc}"

    def url_at(self, host: str) -> str:
        """Address at a host name of a tenant's own, by the scheme and port of the public site."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"


@cache
def settings() -> Settings:
    """The installation's settings; raises `pydantic.ValidationError` naming what is missing."""
    return Settings()  # type: ignore[call-arg]  # values come from the environment
