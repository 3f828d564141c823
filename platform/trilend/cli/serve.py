"""The processes of an installation: web, worker, beat, and the migration before them."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trilend.cli.main import use_installation


@click.command()
@click.option("--bind", default="0.0.0.0:8000", show_default=True, help="Address and port.")
@click.option("--workers", default=2, show_default=True, help="Processes.")
@click.option("--threads", default=8, show_default=True, help="Threads of each process.")
@click.option("--grace", default=20, show_default=True, help="Seconds that requests have to end when told to stop.")
@click.option("--gate", type=int, hidden=True, help="File descriptor whose end is awaited before serving.")
@click.pass_obj
def web(data_dir: Path, bind: str, workers: int, threads: int, grace: int, gate: int | None) -> None:
    """Serve the pages and the API."""
    use_installation(data_dir)
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": bind,
                "workers": workers,
                "threads": threads,
                "worker_class": "gthread",
                "preload_app": True,
                "worker_tmp_dir": tempfile.gettempdir(),
                "accesslog": None,
                "timeout": 60,
                "graceful_timeout": grace,
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Callable[..., Any]:
            from trilend.app import create_application
            from trilend.tenancy.migration.steps import targets
            from trilend.wiring import load

            load()
            application = create_application()
            # Rendered once, before the processes part.
            targets()
            if gate is not None:
                os.read(gate, 1)
                os.close(gate)
            return application

    Server().run()


@click.command()
@click.option("--concurrency", default=4, show_default=True, help="Jobs at the same time for which somebody waits.")
@click.option(
    "--batch-concurrency", default=2, show_default=True, help="Jobs at the same time of the night and of imports."
)
@click.option(
    "--queue",
    type=click.Choice(["all", "interactive", "batch"]),
    default="all",
    show_default=True,
    help="Which work to do; with all, each sort has a process of its own.",
)
@click.option(
    "--metrics-port", default=0, show_default=True, help="Where to tell Prometheus; batch takes the next port."
)
@click.pass_obj
def worker(data_dir: Path, concurrency: int, batch_concurrency: int, queue: str, metrics_port: int) -> None:
    """Do background work."""
    use_installation(data_dir)
    from trilend.jobs.models import Queue
    from trilend.jobs.processes import work, work_in_bulkheads
    from trilend.wiring import load

    load()
    threads = {Queue.INTERACTIVE: concurrency, Queue.BATCH: batch_concurrency}
    if queue == "all":
        work_in_bulkheads(threads, metrics_port=metrics_port)
    else:
        work([Queue(queue)], threads[Queue(queue)], metrics_port=metrics_port)


@click.command()
@click.pass_obj
def beat(data_dir: Path) -> None:
    """Look for what is due: by the clock, again, or because a worker died."""
    use_installation(data_dir)
    from trilend.jobs.processes import beat as look_around
    from trilend.wiring import load

    load()
    look_around()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def migrate(data_dir: Path, as_json: bool) -> None:
    """Bring the registry and all companies to this release; run before the other processes of a new release start."""
    use_installation(data_dir)
    from trilend.cli.tenants import move_fleet
    from trilend.config import settings
    from trilend.tenancy.migration.registry import migrate_registry
    from trilend.wiring import load

    load()
    owner = settings().owner_database_url
    if owner is None:
        raise click.UsageError("TRILEND_OWNER_DATABASE_URL is needed to migrate.")
    steps = migrate_registry(owner.get_secret_value())
    if not as_json:
        click.echo(f"The registry is up to date; {steps} steps were taken.")
    move_fleet((), as_json=as_json)


@click.command()
@click.option("--superuser-url", envvar="TRILEND_SUPERUSER_DATABASE_URL", help="Run it there, in that database.")
@click.option("--owner-password", envvar="TRILEND_OWNER_PASSWORD", required=True, help="For the login trilend_owner.")
@click.option("--login-password", envvar="TRILEND_LOGIN_PASSWORD", required=True, help="For the login trilend_app.")
@click.option(
    "--pooler-password", envvar="TRILEND_POOLER_PASSWORD", help="For the login of PgBouncer, if there is one."
)
@click.option("--cells", default=16, show_default=True, help="Logins among which companies are spread.")
def prepare(
    superuser_url: str | None, owner_password: str, login_password: str, pooler_password: str | None, cells: int
) -> None:
    """Prepare a PostgreSQL server and its database, once and after each upgrade of the server; print the SQL if no
    address of a superuser is given."""
    from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
    from trilend.tenancy.rights import cluster_preparation, database_preparation

    roles: dict[str, Any] = {
        "owner_password": owner_password,
        "login_password": login_password,
        "pooler_password": pooler_password,
    }
    if superuser_url is None:
        click.echo(cluster_preparation(cells=range(cells), **roles))
        click.echo(database_preparation(cells=range(cells)))
        return
    prepare_cluster(superuser_url, cells=cells, **roles)
    prepare_database(superuser_url, cells=cells)
    click.echo(f"The database is ready for {cells} cells.")


@click.command()
@click.argument("process", type=click.Choice(["worker"]))
@click.pass_obj
def healthcheck(data_dir: Path, process: str) -> None:
    """Exit 0 if the workers of this machine answer."""
    use_installation(data_dir)
    from trilend.jobs.models import Queue
    from trilend.jobs.processes import node_of
    from trilend.jobs.queue import configure

    nodes = [node_of(queue) for queue in Queue]
    answers = configure().control.ping(destination=nodes, timeout=5.0, limit=len(nodes))
    sys.exit(0 if len(answers) == len(nodes) else 1)
