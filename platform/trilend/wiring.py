"""Brings platform and kinds together: models, jobs and their language, and how a kind's blueprint is made."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from flask import Flask
from flask_babel import force_locale
from sqlalchemy import insert
from sqlalchemy.sql.dml import Insert

# Imported for their tables, their job handlers and what they hand to lower floors.
from trilend.access import models as _access  # noqa: F401
from trilend.access import service as _signing_in  # noqa: F401
from trilend.access import way_back as _way_back  # noqa: F401
from trilend.app import views_of_kind
from trilend.archives import tasks as _archives  # noqa: F401
from trilend.audit.models import HEAD_SEED
from trilend.auditing import jobs as _auditing  # noqa: F401
from trilend.company import watch as _company  # noqa: F401
from trilend.console import fleet as _fleet  # noqa: F401
from trilend.console import service as _console  # noqa: F401
from trilend.documents import models as _documents  # noqa: F401
from trilend.drafts import models as _drafts  # noqa: F401
from trilend.home import reminders as _reminders  # noqa: F401
from trilend.identity import models as _identity  # noqa: F401
from trilend.identity.seeds import permission_changes, permission_rows
from trilend.jobs import forgetting as _forgetting  # noqa: F401
from trilend.jobs.service import run_within
from trilend.kinds import TenantKind, kinds
from trilend.ledger import models as _ledger  # noqa: F401
from trilend.lists import export as _lists  # noqa: F401
from trilend.messages import service as _messages  # noqa: F401
from trilend.organization import models as _organization  # noqa: F401
from trilend.organization.seeds import first_rows, scope_changes
from trilend.parameters import closing as _closing  # noqa: F401
from trilend.parties import models as _parties  # noqa: F401
from trilend.payments import models as _payments  # noqa: F401
from trilend.plugin_host.catalogue import installed
from trilend.plugin_host.models import AllowedPlugin
from trilend.search import filling as _search  # noqa: F401
from trilend.signing import models as _signing  # noqa: F401
from trilend.signup import service as _signup  # noqa: F401
from trilend.storage import rotation as _rotation  # noqa: F401
from trilend.storage import seals as _seals  # noqa: F401
from trilend.storage import sweeping as _sweeping  # noqa: F401
from trilend.tenancy import blueprint as blueprints
from trilend.tenancy import versions as _versions  # noqa: F401
from trilend.tenancy.blueprint import Blueprint, Permissions
from trilend.tenancy.domains import models as _domains  # noqa: F401
from trilend.tenancy.lifecycle import models as _lifecycle  # noqa: F401
from trilend.tenancy.migration import models as _migration  # noqa: F401
from trilend.tenancy.migration.steps import stamp
from trilend.tenancy.plans import models as _plans  # noqa: F401
from trilend.web.language import DEFAULT_LANGUAGE, install_languages
from trilend.webhooks import deliveries as _deliveries  # noqa: F401


@cache
def load() -> Mapping[str, TenantKind]:
    """Load every kind with its tables and jobs, and make blueprints available; done once per process."""
    found = kinds()
    for kind in found.values():
        kind.load_jobs()
    blueprints.use_source(render_blueprint)
    run_within(speaking)
    return found


@contextmanager
def speaking(language: str = DEFAULT_LANGUAGE) -> Iterator[None]:
    """A context for work outside of any request, in which texts are in this language.

    Without it messages to borrowers and reasons of refusals would come out in English.
    """
    with _voice().app_context(), force_locale(language or DEFAULT_LANGUAGE):
        yield


@cache
def _voice() -> Flask:
    app = Flask("trilend.background", static_folder=None, template_folder=None)
    install_languages(app, [kind.translations for kind in kinds().values() if kind.translations])
    return app


def render_blueprint(kind_name: str) -> Blueprint:
    """Render the blueprint of a kind: tables, rules, rights, permissions of its views, roles and first rows."""
    found = load()
    kind = found[kind_name]
    foreign = [table for other in found.values() if other.name != kind_name for table in other.tables]
    views = views_of_kind(kind_name)
    seeds: Sequence[Insert | str] = [
        *permission_rows(views, kind.roles),
        *_platform_seeds(),
        *first_rows(kind.roles),
        *kind.seeds(),
    ]
    permissions = Permissions(permission_changes(views, kind.roles) + scope_changes(kind.roles))
    return blueprints.render(
        kind_name, foreign, seeds, stamp=stamp(kind_name), opening=_OPENING, permissions=permissions
    )


# The business date of a new company is the day it signs up, in the time zone of its business.
_OPENING = "UPDATE business_day SET business_date = (now() AT TIME ZONE 'Asia/Shanghai')::date"


def _platform_seeds() -> list[Insert | str]:
    return [
        insert(AllowedPlugin).values([{"plugin": identity, "allowed": True} for identity in installed()]),
        HEAD_SEED,
        "INSERT INTO business_day (id, business_date, closed_days) VALUES (1, CURRENT_DATE, 0)",
    ]
