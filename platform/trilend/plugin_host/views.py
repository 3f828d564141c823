"""Pages of connections: what is connected, setting one up, testing it."""

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response

from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.plugin_host.catalogue import installed, plugin
from trilend.plugin_host.connections import (
    allow_plugin,
    connection,
    connections,
    enrol,
    needs_enrolment,
    save_connection,
    switch_off,
    test_connection,
)
from trilend.plugin_host.errors import InvalidConnection
from trilend.plugin_host.forms import CONFIG_PREFIX, SECRET_PREFIX, connection_form, entered
from trilend.plugin_host.models import AllowedPlugin
from trilend.tenancy.context import current_tenant, tenant_session
from trilend_sdk.errors import PluginError


class ConnectionsView(BaseView):  # type: ignore[misc]
    """Relations to banks, signature services and others through plugins."""

    route_base = "/connections"
    class_permission_name = "Connections"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All connections and the plugins to make more of them."""
        session = tenant_session()
        allowed = {row.plugin: row.allowed for row in session.query(AllowedPlugin)}
        locale = str(get_locale())
        plugins = [
            {
                "identity": found.identity,
                "title": found.manifest.labels.for_locale(locale),
                "summary": found.manifest.summary.for_locale(locale),
                "version": found.manifest.version,
                "allowed": allowed.get(found.identity, False),
            }
            for found in installed().values()
        ]
        titles = {entry["identity"]: entry["title"] for entry in plugins}
        return render_template(
            "plugin_host/overview.html", connections=connections(session), plugins=plugins, titles=titles
        )

    @page("/new/<path:identity>", permission="edit", methods=("GET", "POST"))
    def add(self, identity: str) -> str | Response | tuple[str, int]:
        """Set up a connection."""
        return self._edit(identity, None)

    @page("/<int:connection_id>", permission="edit", methods=("GET", "POST"))
    def change(self, connection_id: int) -> str | Response | tuple[str, int]:
        """Change a connection."""
        return self._edit(connection(tenant_session(), connection_id).plugin, connection_id)

    @page("/<int:connection_id>/enrol", permission="edit", methods=("POST",))
    def enrol(self, connection_id: int) -> Response:
        """Have the plugin make a signing identity for this company, then test it."""
        session = tenant_session()
        subject = connection(session, connection_id)
        tenant = current_tenant()
        try:
            enrol(session, signed_in_actor(), subject, organization=tenant.name, uscc=tenant.uscc)
        except PluginError as error:
            flash(error.message, "danger")
            return redirect(url_for(".overview"))
        return self._test(connection_id)

    @page("/<int:connection_id>/test", permission="edit", methods=("POST",))
    def test(self, connection_id: int) -> Response:
        """Test a connection and take it into use if it works."""
        return self._test(connection_id)

    @page("/<int:connection_id>/off", permission="edit", methods=("POST",))
    def off(self, connection_id: int) -> Response:
        """Take a connection out of use."""
        session = tenant_session()
        switch_off(session, signed_in_actor(), connection(session, connection_id))
        session.commit()
        return redirect(url_for(".overview"))

    @page("/plugins/<path:identity>/allow", permission="edit", methods=("POST",))
    def allow(self, identity: str) -> Response:
        """Put a plugin on the company's allow-list or take it off."""
        session = tenant_session()
        allow_plugin(session, signed_in_actor(), identity, allowed=request.form.get("allowed") == "yes")
        session.commit()
        return redirect(url_for(".overview"))

    def _edit(self, identity: str, connection_id: int | None) -> str | Response | tuple[str, int]:
        session = tenant_session()
        manifest = plugin(identity).manifest
        existing = connection(session, connection_id) if connection_id is not None else None
        tenant = current_tenant()
        form = connection_form(manifest, existing, {"organization": tenant.name, "uscc": tenant.uscc})
        status = 200
        if form.validate_on_submit():
            try:
                saved = save_connection(
                    session,
                    signed_in_actor(),
                    plugin_identity=identity,
                    name=(form["name"].data or "").strip(),
                    config=entered(form, CONFIG_PREFIX),
                    secrets=entered(form, SECRET_PREFIX),
                    existing=existing,
                )
            except InvalidConnection as error:
                session.rollback()
                _mark(form, error.details["fields"])
                status = error.status
            else:
                session.commit()
                if needs_enrolment(manifest, saved):
                    return self.enrol(saved.id)
                return self._test(saved.id)
        elif form.is_submitted():
            status = 422
        title = manifest.labels.for_locale(str(get_locale()))
        page = render_template("plugin_host/form.html", form=form, manifest=manifest, title=title, existing=existing)
        return page, status

    def _test(self, connection_id: int) -> Response:
        session = tenant_session()
        checked = test_connection(session, signed_in_actor(), connection(session, connection_id))
        session.commit()
        if checked.ok:
            flash(gettext("The connection works and is in use."), "success")
        else:
            flash(gettext("Saved, but the test failed: %(why)s", why=checked.message), "warning")
        return redirect(url_for(".overview"))


def _mark(form: object, problems: dict[str, str]) -> None:
    fields = form._fields  # type: ignore[attr-defined]
    for name, problem in problems.items():
        for known in (name, CONFIG_PREFIX + name, SECRET_PREFIX + name):
            if known in fields:
                fields[known].errors = [problem]
