"""The company's own pages: papers, plan and what is used, domains, and what operators did."""

from datetime import date

from flask import Response as FileResponse
from flask import abort, flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import DateField, RadioField, SelectChoice, StringField
from wtforms.validators import Length, Optional

from trilend.company.errors import InvalidPaper
from trilend.company.papers import (
    MOST_BYTES,
    Entered,
    index_papers,
    paper_file,
    paper_kind,
    paper_statuses,
    submit_paper,
)
from trilend.config import settings
from trilend.errors import Invalid, Refused
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import RegistrySession, bookkeeping, current_tenant, tenant_session
from trilend.tenancy.domains.models import Method
from trilend.tenancy.domains.names import shown_host
from trilend.tenancy.domains.proof import FILE_PATH, file_url, record_name, record_text
from trilend.tenancy.domains.service import (
    check_domain,
    choose_domain,
    claim_domain,
    domain_of,
    domains_of,
    give_up_domain,
    prove_by,
)
from trilend.tenancy.lifecycle.labels import event_label
from trilend.tenancy.lifecycle.service import events_of
from trilend.tenancy.plans.calls import calls_of
from trilend.tenancy.plans.service import Usage, in_words, limits_of, people_used, storage_used
from trilend.tenancy.service import forget_tenants


class PaperForm(FlaskForm):  # type: ignore[misc]
    """A paper and what stands on it."""

    file = FileField(_l("File (PDF, JPEG or PNG, at most 10 MB)"))
    holder = StringField(validators=[Length(max=200)])
    number = StringField(validators=[Length(max=64)])
    valid_from = DateField(_l("Valid from"), validators=[Optional()])
    valid_until = DateField(
        _l("Valid until"), validators=[Optional()], description=_l("Leave empty if the paper has no end")
    )


class DomainForm(FlaskForm):  # type: ignore[misc]
    """A name to claim."""

    host = StringField(_l("Domain"), validators=[Length(max=253)], description=_l("Such as loans.example.cn"))
    method = RadioField(
        _l("How you prove that it is yours"),
        choices=[
            SelectChoice(Method.RECORD, _l("By a TXT record with the provider of the domain")),
            SelectChoice(Method.FILE, _l("By a file on the web server to which the domain leads today")),
        ],
        default=Method.RECORD,
    )


class CompanyView(BaseView):  # type: ignore[misc]
    """Papers, plan, domains and history of the company."""

    route_base = "/company"
    class_permission_name = "Company"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """Papers with their states, what is used of the plan, and the history."""
        session, tenant = tenant_session(), current_tenant()
        statuses = paper_statuses(session)
        with RegistrySession() as registry:
            events = events_of(registry, tenant.id, limit=20)
            today, month = calls_of(registry, tenant.id)
            registry.expunge_all()
        limits = limits_of(tenant.plan)
        used = people_used(session), storage_used(session)
        return render_template(
            "company/overview.html",
            tenant=tenant,
            statuses=statuses,
            usage=usage_rows(limits, people=used[0], storage=used[1], today=today, month=month),
            plan=limits,
            events=events,
            event_label=event_label,
        )

    @page("/papers/<kind>", permission="edit", methods=("GET", "POST"))
    def paper(self, kind: str) -> str | Response | tuple[str, int]:
        """Send a paper, or a newer one; a suspended company may still do that."""
        subject = paper_kind(kind)
        form = PaperForm()
        form.holder.label.text, form.number.label.text = str(subject.holder), str(subject.number)
        if form.validate_on_submit():
            try:
                self._submit(kind, form)
            except InvalidPaper as error:
                for name, sentence in error.fields.items():
                    form[name].errors = [sentence]
            except Refused as error:
                form.file.errors = [str(error)]
            else:
                flash(gettext("The paper is sent. An operator will look at it."), "success")
                return redirect(url_for(".overview"))
        status = 422 if form.is_submitted() else 200
        return render_template("company/paper.html", form=form, kind=subject), status

    @page("/papers/file/<int:paper_id>", permission="list")
    def file(self, paper_id: int) -> FileResponse:
        """A paper that the company has sent."""
        paper, content = paper_file(tenant_session(), paper_id)
        return FileResponse(content, content_type=paper.media_type, headers={"Cache-Control": "no-store"})

    @page("/domains", permission="list")
    def domains(self) -> str:
        """Domains of the company's own, their states and what to publish."""
        return self._domains(DomainForm())

    @page("/domains/claim", permission="edit", methods=("POST",))
    def claim(self) -> str | Response | tuple[str, int]:
        """Put a name on the list."""
        form = DomainForm()
        if form.validate_on_submit():
            try:
                with RegistrySession() as registry:
                    claim_domain(registry, current_tenant().id, form.host.data or "", Method(form.method.data))
                    registry.commit()
                return redirect(url_for(".domains"))
            except (Invalid, Refused) as error:
                form.host.errors = [str(error)]
        return self._domains(form), 422

    @page("/domains/<int:domain_id>/check", permission="edit", methods=("POST",))
    def check(self, domain_id: int) -> Response:
        """Look for the record or the file now."""
        with RegistrySession() as registry:
            domain = check_domain(registry, current_tenant().id, domain_id)
            flash(str(note_text(domain.method, domain.note)), "success" if domain.note == "there" else "warning")
        return redirect(url_for(".domains"))

    @page("/domains/<int:domain_id>/method", permission="edit", methods=("POST",))
    def method(self, domain_id: int) -> Response:
        """Have a domain proved in the other way."""
        try:
            chosen = Method(request.form.get("method", ""))
        except ValueError:
            abort(400)
        with RegistrySession() as registry:
            prove_by(registry, current_tenant().id, domain_id, chosen)
            registry.commit()
        return redirect(url_for(".domains"))

    @page("/domains/<int:domain_id>/file", permission="list")
    def proof_file(self, domain_id: int) -> FileResponse:
        """The file to publish, ready to be put on a web server."""
        with RegistrySession() as registry:
            text = record_text(domain_of(registry, current_tenant().id, domain_id).token)
        name = FILE_PATH.rpartition("/")[2]
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return FileResponse(text + "\n", mimetype="text/plain", headers=headers)

    @page("/domains/<int:domain_id>/choose", permission="edit", methods=("POST",))
    def choose(self, domain_id: int) -> Response:
        """Have links lead to this domain, or (0) to the subdomain."""
        with RegistrySession() as registry:
            choose_domain(registry, current_tenant().id, domain_id or None)
            registry.commit()
        forget_tenants()
        return redirect(url_for(".domains"))

    @page("/domains/<int:domain_id>/give-up", permission="edit", methods=("POST",))
    def give_up(self, domain_id: int) -> Response:
        """Take a name off the list."""
        with RegistrySession() as registry:
            give_up_domain(registry, current_tenant().id, domain_id)
            registry.commit()
        forget_tenants()
        return redirect(url_for(".domains"))

    def _submit(self, kind: str, form: PaperForm) -> None:
        actor = signed_in_actor()
        with bookkeeping():
            session = tenant_session()
            submit_paper(session, actor, kind, _entered(form))
            session.commit()
            index_papers(session, current_tenant())

    def _domains(self, form: DomainForm) -> str:
        tenant = current_tenant()
        with RegistrySession() as registry:
            found = domains_of(registry, tenant.id)
            registry.expunge_all()
        return render_template(
            "company/domains.html",
            form=form,
            domains=found,
            tenant=tenant,
            base_host=settings().base_host,
            shown_host=shown_host,
            file_url=file_url,
            record_name=record_name,
            record_text=record_text,
            note_text=note_text,
        )


_TAKEN = _l("Another company has proved this domain. Remove its record or file first.")
_NOTES = {
    Method.RECORD: {
        "there": _l("The record is there."),
        "other": _l("There is a record, but it says something else. Copy the text again."),
        "none": _l("There is no record yet. New records may take some hours to be seen."),
        "no_answer": _l("The name servers of this domain did not answer. It will be tried again."),
        "taken": _TAKEN,
    },
    Method.FILE: {
        "there": _l("The file is there."),
        "other": _l("There is a file, but it says something else. Download it again."),
        "none": _l("There is no such file at this address, or the domain leads nowhere yet."),
        "no_answer": _l("The web server of this domain did not answer. It will be tried again."),
        "private": _l(
            "This domain leads to an address that is not public. The file is fetched over the Internet only."
        ),
        "redirected": _l("The web server sends us to another address. The file must be at this very one."),
        "taken": _TAKEN,
    },
}


def note_text(method: str, note: str) -> object:
    """What the last check of a domain found, in a sentence; empty before the first."""
    return _NOTES[Method(method)].get(note, "")


def usage_rows(
    limits: object, *, people: int | None, storage: int | None, today: int, month: int
) -> list[dict[str, object]]:
    """Label, words and measure of each limit of a plan, for the bars; None for what could not be counted."""
    figures = (
        (_l("People who may sign in"), people, "people", str),
        (_l("Files"), storage, "storage_bytes", in_words),
        (_l("API calls today"), today, "calls_per_day", str),
        (_l("API calls this month"), month, "calls_per_month", str),
    )
    rows: list[dict[str, object]] = []
    for label, used, field, words in figures:
        limit = getattr(limits, field)
        rows.append(
            {
                "label": label,
                "used": words(used) if used is not None else None,
                "limit": words(limit) if limit is not None else None,
                "measure": Usage(used or 0, limit),
            }
        )
    return rows


def _entered(form: PaperForm) -> Entered:
    sent = form.file.data
    content = b""
    if sent and hasattr(sent, "read"):
        content = sent.read(MOST_BYTES + 1)
        sent.close()
    return Entered(
        file_name=getattr(sent, "filename", "") or "",
        content=content,
        holder=form.holder.data or "",
        number=form.number.data or "",
        valid_from=_day(form.valid_from.data),
        valid_until=_day(form.valid_until.data),
    )


def _day(entered: object) -> date | None:
    return entered if isinstance(entered, date) else None
