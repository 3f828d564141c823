"""Puts the shell around an app: templates, static files, filters, security headers and error pages."""

from flask import Flask, abort, request
from jinja2 import ChoiceLoader, FileSystemLoader
from jinja2.loaders import BaseLoader

from trilend.web import appbuilder_pages, assets, formats
from trilend.web.appearance import appearance, color_scheme, dark_media
from trilend.web.badges import status_badge
from trilend.web.context import BRAND, ContextSource, Face, NavGroup, NavItem, ShellContext, ShellContexts
from trilend.web.controls import check_list, control, control_kind
from trilend.web.error_pages import answer_errors_under, install_error_pages, request_id
from trilend.web.language import html_language
from trilend.web.links import url_with
from trilend.web.security_headers import allow_framing_by_this_site, install_security_headers

__all__ = [
    "BRAND",
    "Face",
    "NavGroup",
    "NavItem",
    "ShellContext",
    "allow_framing_by_this_site",
    "answer_errors_under",
    "install_shell",
    "request_id",
]


def install_shell(app: Flask, source: ContextSource) -> None:
    """Gives an app the look of the product; `source` is asked once per request who and where the reader is.

    Works before or after Flask-AppBuilder is created, whose templates it shadows. The languages are installed apart,
    see `trilend.web.language`.
    """
    contexts = ShellContexts(source)
    app.register_blueprint(assets.shell_blueprint())
    _put_templates_first(app)
    _add_template_names(app, contexts)
    app.before_request(_refuse_files_of_the_library)
    install_security_headers(app)
    install_error_pages(app, contexts)


def _refuse_files_of_the_library() -> None:
    # Flask-AppBuilder brings Bootstrap 3, jQuery and more, none of which our pages name.
    if request.endpoint == "appbuilder.static":
        abort(404)


def _put_templates_first(app: Flask) -> None:
    # The app's own loader is asked before those of any blueprint, so Flask-AppBuilder's templates cannot win.
    own: list[BaseLoader] = [app.jinja_loader] if app.jinja_loader is not None else []
    app.jinja_loader = ChoiceLoader([*own, FileSystemLoader(assets.TEMPLATE_FOLDER)])


def _add_template_names(app: Flask, contexts: ShellContexts) -> None:
    app.jinja_env.filters.update(
        money=formats.money, percent=formats.percent, day=formats.day, instant=formats.instant, clauses=formats.clauses
    )
    app.jinja_env.globals.update(
        # A global and not a context processor: widgets that Flask-AppBuilder renders see globals only.
        shell=contexts.proxy(),
        asset_url=assets.asset_url,
        stylesheets=assets.STYLESHEETS,
        scripts=assets.SCRIPTS,
        modules=assets.MODULES,
        dark_stylesheet=assets.DARK_STYLESHEET,
        chart_engine=assets.CHART_ENGINE,
        appearance=appearance,
        dark_media=dark_media,
        color_scheme=color_scheme,
        icon=assets.icon,
        status_badge=status_badge,
        control=control,
        control_kind=control_kind,
        check_list=check_list,
        html_language=html_language,
        url_with=url_with,
        action_icon=appbuilder_pages.action_icon,
        filter_rows=appbuilder_pages.filter_rows,
        list_value=appbuilder_pages.list_value,
        shown_value=appbuilder_pages.shown_value,
    )
