"""The factory that wires the platform: three Flask applications behind one router, with all kinds and areas."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from flask import (
    Flask,
    abort,
    current_app,
    flash,
    g,
    get_flashed_messages,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_appbuilder import AppBuilder
from flask_babel import gettext
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from trilend.access.account_views import AccountView
from trilend.access.admin_views import SignInRulesView
from trilend.access.presence import ask_for_what_is_missing
from trilend.access.security import SignInSecurity
from trilend.api.oauth.consent import ConsentView, MyProgramsView
from trilend.api.problems import answer_error
from trilend.api.v1 import install_api
from trilend.api.views import ApiClientsView
from trilend.archives.views import ArchivesView
from trilend.audit.labels import PROBLEMS, act_label, field_label, subject_label
from trilend.auditing.views import AuditLogView
from trilend.company.views import CompanyView
from trilend.company.well_known import blueprint as well_known_blueprint
from trilend.config import settings
from trilend.console import archives as _whole_pages  # noqa: F401
from trilend.console import company_views as _company_pages  # noqa: F401
from trilend.console.fleet import blueprint as fleet_blueprint
from trilend.console.jobs import blueprint as console_jobs_blueprint
from trilend.console.views import blueprint as console_blueprint
from trilend.db.errors import LimitReached, TenantBusy, limit_reached
from trilend.documents.views import FilesView
from trilend.errors import TrilendError
from trilend.home.views import HomeView
from trilend.identity.access import holds
from trilend.identity.security import TenantSecurityManager
from trilend.identity.sessions import TenantCookieSessions
from trilend.identity.views import person_name
from trilend.jobs import metrics
from trilend.keeping.views import KeptFilesView
from trilend.kinds import TenantKind, kinds
from trilend.ledger.views import BooksView
from trilend.navigation import navigation_for
from trilend.organization.views import OrganizationView
from trilend.parameters.service import business_date
from trilend.parameters.views import ParametersView
from trilend.parties.showing import shown
from trilend.parties.views import PartiesView
from trilend.payments.views import StatementsView
from trilend.plugin_host.views import ConnectionsView
from trilend.signing.views import SigningView
from trilend.signup.views import blueprint as signup_blueprint
from trilend.tenancy.context import current_tenant, refused_write, tenant_session
from trilend.tenancy.door import Admission
from trilend.tenancy.errors import NotAdmitted, UnknownTenant, not_admitted
from trilend.tenancy.routing import BUSY, HostRouter
from trilend.web import gallery, health
from trilend.web.error_pages import Overloaded
from trilend.web.formats import instant
from trilend.web.language import install_languages, prepare_appbuilder_languages, use_languages_in_appbuilder
from trilend.web.shell import NavGroup, NavItem, ShellContext, install_shell, request_id
from trilend.webhooks.views import WebhooksView
from trilend.work.views import WorkView

_HERE = Path(__file__).parent
_MACHINE_PATHS = ("/api/", "/oauth/")
_MAX_UPLOAD = 20 * 1024 * 1024
_SHARED_VIEWS: tuple[type, ...] = (
    PartiesView,
    BooksView,
    StatementsView,
    ConnectionsView,
    ParametersView,
    ApiClientsView,
    ConsentView,
    WebhooksView,
    MyProgramsView,
    AuditLogView,
    KeptFilesView,
    SigningView,
    FilesView,
    CompanyView,
    WorkView,
    ArchivesView,
    AccountView,
    SignInRulesView,
    OrganizationView,
)


def create_application() -> HostRouter:
    """The WSGI application of the whole platform."""
    metrics.install()
    return HostRouter(
        public=create_public_app(),
        console=create_console_app(),
        tenant=create_tenant_app(),
        notice=create_notice_app(),
    )


def create_public_app() -> Flask:
    """The public site: landing page, sign-up, health."""
    app = _flask("public")
    CSRFProtect(app)
    app.register_blueprint(signup_blueprint)
    app.register_blueprint(health.blueprint)
    app.config["TRILEND_GALLERY"] = settings().gallery
    gallery.install_gallery(app)
    install_languages(app, _translations())
    install_shell(app, _public_context)
    _show_errors_as_pages(app)

    @app.before_request
    def refuse_unknown_host() -> None:
        if request.environ.get("trilend.unknown_host") and not request.path.startswith("/static/"):
            abort(404, UnknownTenant("").message)

    return app


def create_console_app() -> Flask:
    """The operators' console."""
    app = _flask("console")
    CSRFProtect(app)
    app.register_blueprint(console_blueprint)
    app.register_blueprint(fleet_blueprint)
    app.register_blueprint(console_jobs_blueprint)
    install_languages(app, _translations())
    install_shell(app, _console_context)
    _show_errors_as_pages(app)
    return app


@cache
def create_tenant_app() -> Flask:
    """The application of all tenants: Flask-AppBuilder with the views of every kind, each hidden from the others."""
    app = _flask("tenant")
    app.before_request(_refuse_if_busy)
    app.session_interface = TenantCookieSessions()
    app.config.update(
        AUTH_TYPE=1,
        FAB_UPDATE_PERMS=False,
        FAB_ADD_OPENAPI_VIEWS=False,
        FAB_ADD_MENU_VIEWS=False,
        APP_NAME="Trilend",
    )
    csrf = CSRFProtect(app)
    prepare_appbuilder_languages(app, _translations())
    owners: dict[str, str] = {}
    with app.app_context():
        appbuilder = AppBuilder(indexview=HomeView, security_manager_class=SignInSecurity)
        appbuilder.init_app(app, tenant_session)
        for view in _SHARED_VIEWS:
            appbuilder.add_view_no_menu(view)
        for kind in kinds().values():
            for view in kind.views():
                added = appbuilder.add_view_no_menu(view)
                owners[added.blueprint.name] = kind.name
    app.jinja_env.globals.update(may=holds, shown=shown)
    for kind in kinds().values():
        app.jinja_env.globals.update(kind.template_names)
    use_languages_in_appbuilder(app)
    app.register_blueprint(well_known_blueprint)
    install_shell(app, _tenant_context)
    owners |= install_api(app, csrf, kinds().values())
    _show_errors_as_pages(app)
    app.extensions["trilend_view_owners"] = owners

    app.before_request(ask_for_what_is_missing)

    @app.before_request
    def hide_other_kinds() -> None:
        owner = owners.get(request.blueprint or "")
        if owner is not None and owner != current_tenant().kind:
            abort(404)

    @app.after_request
    def tell_of_refused_write(response: Response) -> Response:
        # Flask-AppBuilder's own views catch every error and go on as if nothing had been wanted.
        refused = refused_write()
        if refused is None or response.status_code >= 400:
            return response
        tenant_session.rollback()
        get_flashed_messages()
        return _not_admitted(refused)

    return app


def create_notice_app() -> Flask:
    """What is served at the address of a tenant whose door is shut: why, in the reader's language, and nothing else."""
    app = _flask("tenant")
    app.session_interface = TenantCookieSessions()
    install_languages(app, _translations())
    install_shell(app, _notice_context)
    app.register_blueprint(well_known_blueprint)
    _show_errors_as_pages(app)

    @app.before_request
    def refuse() -> None:
        if request.blueprint not in ("trilend_web", "trilend_language", well_known_blueprint.name):
            raise not_admitted(current_tenant().admission)

    return app


def views_of_kind(kind_name: str) -> Mapping[str, Iterable[str]]:
    """The permissions of each view that a tenant of this kind has, for the blueprint."""
    app = create_tenant_app()
    owners = app.extensions["trilend_view_owners"]
    found: dict[str, set[str]] = {}
    for view in app.appbuilder.baseviews:  # type: ignore[attr-defined]
        if view.base_permissions and owners.get(view.blueprint.name, kind_name) == kind_name:
            found.setdefault(view.class_permission_name, set()).update(view.base_permissions)
    return found


def _flask(face: str) -> Flask:
    configured = settings()
    app = Flask(f"trilend.{face}", static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=configured.secret_key.get_secret_value(),
        SESSION_COOKIE_NAME=f"trilend_{face}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=configured.scheme == "https",
        MAX_CONTENT_LENGTH=_MAX_UPLOAD,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.jinja_loader = ChoiceLoader([FileSystemLoader(folder) for folder in _template_folders()])
    app.jinja_env.globals.update(
        act_label=act_label, field_label=field_label, subject_label=subject_label, problem_names=PROBLEMS
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


@cache
def _template_folders() -> list[Path]:
    own = sorted(folder for folder in _HERE.glob("*/templates") if folder.parent.name != "web")
    return own + [kind.templates for kind in kinds().values() if kind.templates]


def _translations() -> list[Path]:
    return [kind.translations for kind in kinds().values() if kind.translations]


def _show_errors_as_pages(app: Flask) -> None:
    """An error that a person can act upon becomes a message on the page they came from, or a page of its own."""

    def show(error: TrilendError) -> ResponseReturnValue:
        tenantless = app.name != "trilend.tenant"
        if not tenantless:
            tenant_session.rollback()
        if request.path.startswith(_MACHINE_PATHS):
            return answer_error(error)
        if isinstance(error, NotAdmitted):
            return _not_admitted(error)
        if isinstance(error, LimitReached):
            return app.handle_http_exception(Overloaded(error.message, error.code, error.retry_after))
        if request.method == "POST" and (back := _own_page(request.referrer)):
            flash(str(error), "danger")
            return redirect(back, 303)
        return render_template("trilend/errors/refused.html", error=error), error.status

    def show_limit(error: DBAPIError) -> ResponseReturnValue:
        reached = limit_reached(error)
        if reached is None:
            raise error
        return show(reached)

    app.register_error_handler(TrilendError, show)
    app.register_error_handler(DBAPIError, show_limit)


def _refuse_if_busy() -> None:
    if request.environ.get(BUSY):
        raise TenantBusy


def _not_admitted(error: NotAdmitted) -> Response:
    """Why one may not enter or write; what was entered is kept on the page and can be sent again from it."""
    kept = [
        (name, value)
        for name, values in request.form.lists()
        for value in values
        if name != "csrf_token" and "password" not in name
    ]
    contact = settings().support_contact
    page = render_template(
        "trilend/errors/not_admitted.html", error=error, kept=kept, contact=contact, request_number=request_id()
    )
    response = make_response(page, error.status, error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _own_page(referrer: str | None) -> str | None:
    prefix = request.host_url
    return "/" + referrer[len(prefix) :] if referrer and referrer.startswith(prefix) else None


def _banner() -> str | None:
    return settings().environment_label or None


def _public_context() -> ShellContext:
    return ShellContext(face="public", environment_banner=_banner())


def _console_context() -> ShellContext:
    if g.get("operator") is None:
        return ShellContext(face="console", environment_banner=_banner())
    on_plans = (request.endpoint or "").startswith("console.plan_")
    companies = NavItem(
        gettext("Companies"), url_for("console.tenants"), "building", request.blueprint == "console" and not on_plans
    )
    plans = NavItem(gettext("Plans"), url_for("console.plan_list"), "gauge", on_plans)
    migrations = NavItem(gettext("Migrations"), url_for("fleet.page"), "versions", request.blueprint == "fleet")
    work = NavItem(
        gettext("Background work"), url_for("console_jobs.overview"), "clock", request.blueprint == "console_jobs"
    )
    return ShellContext(
        face="console",
        person_name=g.operator.name,
        navigation=(NavGroup("", (companies, plans, migrations, work)),),
        sign_out_url=url_for("console.sign_out"),
        environment_banner=_banner(),
    )


def _notice_context() -> ShellContext:
    return ShellContext(face="tenant", company_name=current_tenant().name, environment_banner=_banner())


def _notice(admission: Admission) -> str | None:
    if admission.is_open:
        return None
    sentences = [str(not_admitted(admission))]
    if admission.until:
        sentences.append(gettext("Until %(when)s.", when=instant(admission.until)))
    return " ".join(sentences)


def _tenant_context() -> ShellContext:
    tenant = current_tenant()
    kind: TenantKind = kinds()[tenant.kind]
    name = person_name()
    shown = ShellContext(
        face="tenant",
        company_name=tenant.name,
        kind_label=str(kind.label),
        notice=_notice(tenant.admission),
        environment_banner=_banner(),
    )
    if not name:
        return replace(shown, sign_in_url=url_for("SignInView.login"))
    held = _security().permissions_of(g.user.id)
    return replace(
        shown,
        person_name=name,
        business_date=business_date(tenant_session()),
        navigation=navigation_for(kind, held),
        sign_out_url=url_for("SignInView.logout"),
        account_url=url_for("AccountView.overview"),
    )


def _security() -> TenantSecurityManager:
    return current_app.appbuilder.sm  # type: ignore[attr-defined,no-any-return]
