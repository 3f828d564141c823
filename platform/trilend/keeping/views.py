"""Pages of stored files: what they come to, how long each is kept, and legal holds."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.audit.service import history
from trilend.company.papers import today_in_china
from trilend.identity.access import page
from trilend.identity.service import person_names, signed_in_actor
from trilend.keeping.errors import ReasonNeeded
from trilend.keeping.listing import PAGE_SIZE, AreaUse, Kept, area_label, files_kept, names_of, use_by_area
from trilend.keeping.service import hold_file, kept_file, lift_hold_of
from trilend.storage.areas import type_label
from trilend.storage.objects import SUBJECT
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.tenancy.plans.service import Usage, in_words, limits_of, storage_used


class KeptFilesView(BaseView):  # type: ignore[misc]
    """What is stored, not what is in it: contents have pages and permissions of their own."""

    route_base = "/kept-files"
    class_permission_name = "KeptFiles"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """What the files come to by area, and the list."""
        session, today = tenant_session(), today_in_china()
        uses = use_by_area(session, today)
        area, kept = request.args.get("area", ""), _kept(request.args.get("kept", ""))
        number = max(1, request.args.get("page", 1, type=int))
        files = files_kept(session, area=area, kept=kept, today=today, page=number)
        return render_template(
            "keeping/list.html",
            uses=uses,
            space=_space(uses),
            area=area,
            kept=kept,
            files=files,
            names=names_of(session, (each.key for each in files)),
            total=sum(use.count(kept) for use in uses if area in ("", use.area)),
            page=number,
            page_size=PAGE_SIZE,
            today=today,
            area_label=area_label,
            in_words=in_words,
        )

    @page("/<int:file_id>", permission="list")
    def detail(self, file_id: int) -> str:
        """One file: where it is from, how long it is kept, its hold, and what happened to it."""
        return _detail(file_id)

    @page("/<int:file_id>/hold", permission="hold", methods=("POST",))
    def hold(self, file_id: int) -> Response | tuple[str, int]:
        """Put the file under a hold."""
        session = tenant_session()
        try:
            hold_file(session, signed_in_actor(), file_id, request.form.get("reason", ""))
        except ReasonNeeded as error:
            return _detail(file_id, problem=str(error)), error.status
        session.commit()
        flash(
            gettext("The file is under a legal hold: nobody and nothing deletes it until the hold is lifted."),
            "success",
        )
        return redirect(url_for(".detail", file_id=file_id), 303)

    @page("/<int:file_id>/lift", permission="lift", methods=("POST",))
    def lift(self, file_id: int) -> Response | tuple[str, int]:
        """Lift the file's hold."""
        session = tenant_session()
        try:
            lift_hold_of(session, signed_in_actor(), file_id, request.form.get("reason", ""))
        except ReasonNeeded as error:
            return _detail(file_id, problem=str(error)), error.status
        session.commit()
        flash(gettext("The hold is lifted."), "success")
        return redirect(url_for(".detail", file_id=file_id), 303)


def _detail(file_id: int, problem: str = "") -> str:
    session = tenant_session()
    stored = kept_file(session, file_id)
    return render_template(
        "keeping/detail.html",
        file=stored,
        name=names_of(session, [stored.key]).get(stored.key, ""),
        by=person_names(session, [stored.created_by]).get(stored.created_by or 0, ""),
        history=history(session, SUBJECT, stored.id),
        today=today_in_china(),
        problem=problem,
        area_label=area_label,
        type_label=type_label,
        in_words=in_words,
    )


def _space(uses: Sequence[AreaUse]) -> list[dict[str, object]]:
    """Rows for the bars: all files against the plan's room, and each area's share of them."""
    limit = limits_of(current_tenant().plan).storage_bytes
    used = storage_used(tenant_session())
    whole = Usage(used, limit)
    rows: list[dict[str, object]] = [
        {
            "label": gettext("All files"),
            "used": in_words(used),
            "limit": in_words(limit) if limit is not None else None,
            "percent": whole.percent,
            "tone": whole.tone,
        }
    ]
    for use in uses:
        share = use.size * 100 // (limit or used or 1)
        rows.append(
            {"label": area_label(use.area), "used": in_words(use.size), "percent": min(100, share), "tone": "success"}
        )
    return rows


def _kept(entered: str) -> Kept:
    try:
        return Kept(entered)
    except ValueError:
        return Kept.ANY
