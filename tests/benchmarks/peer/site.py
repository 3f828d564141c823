"""One side as a process: `python -m tests.benchmarks.peer.site SIDE URL`.

For each number of requests that it reads from a line it writes the seconds that they took.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from psycopg.conninfo import conninfo_to_dict

WITH, WITHOUT = "with", "without"
HOST, SCHEMA = "peer.localhost", "peer_a"


def main(side: str, url: str) -> None:
    """Serve until the input ends."""
    _configure(side, url)
    if side == WITH:
        _make_tenant()
    send = _request()
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            send()
        sys.stdout.write(f"{time.perf_counter() - begun}\n")
        sys.stdout.flush()


def _configure(side: str, url: str) -> None:
    import django
    from django.conf import settings

    address = conninfo_to_dict(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": address["dbname"],
        "USER": address["user"],
        "PASSWORD": address["password"],
        "HOST": address.get("host"),
        "PORT": address.get("port"),
        # Connections are kept and looked at before each request, as ours are.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"options": f"-csearch_path={SCHEMA}"},
    }
    tenancy: dict[str, Any] = {}
    if side == WITH:
        database |= {"ENGINE": "django_tenants.postgresql_backend", "OPTIONS": {}}
        tenancy = {
            "MIDDLEWARE": ["django_tenants.middleware.main.TenantMainMiddleware"],
            "DATABASE_ROUTERS": ["django_tenants.routers.TenantSyncRouter"],
            "INSTALLED_APPS": ["django_tenants", "django.contrib.contenttypes", "tests.benchmarks.peer"],
            "SHARED_APPS": ["django_tenants", "django.contrib.contenttypes", "tests.benchmarks.peer"],
            "TENANT_APPS": ["tests.benchmarks.peer"],
            "TENANT_MODEL": "peer.Company",
            "TENANT_DOMAIN_MODEL": "peer.Address",
        }
    settings.configure(
        DATABASES={"default": database},
        ROOT_URLCONF="tests.benchmarks.peer.pages",
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="bench",
        **tenancy,
    )
    django.setup()


def _make_tenant() -> None:
    from django.db import connection
    from tests.benchmarks.peer.models import Address, Company, Day

    with connection.schema_editor() as editor:
        editor.create_model(Company)
        editor.create_model(Address)
        editor.execute(f"CREATE SCHEMA {SCHEMA}")
    company = Company.objects.create(schema_name=SCHEMA)
    Address.objects.create(domain=HOST, tenant=company, is_primary=True)
    connection.set_tenant(company)
    with connection.schema_editor() as editor:
        editor.create_model(Day)


def _request() -> Callable[[], None]:
    from django.core.handlers.wsgi import WSGIHandler
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    application = WSGIHandler()
    environ = EnvironBuilder("/", base_url=f"http://{HOST}").get_environ()

    def send() -> None:
        _body, status, _headers = run_wsgi_app(application, dict(environ), buffered=True)
        assert status == "200 OK", status

    return send


if __name__ == "__main__":
    main(*sys.argv[1:])
