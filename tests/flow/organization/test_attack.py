"""Somebody who sees the own customers only cannot learn from any page or answer that a colleague's exist."""

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, select
from tests.conftest import HostClient
from tests.flow.lending import STAFF_PASSWORD
from tests.flow.organization.conftest import Branches

from trilend.api.programs import digest_of
from trilend.app import create_tenant_app
from trilend.audit.models import AuditEntry
from trilend.audit.service import SYSTEM
from trilend.db.base import now
from trilend.documents.service import file_document
from trilend.identity.models import ApiGrant, ApiToken
from trilend.identity.service import add_api_client
from trilend.jobs.service import enqueue
from trilend.organization.models import DataScope, RoleScope
from trilend.organization.programs import hold_program
from trilend.organization.sight import EVERYTHING, NOTHING, Sight
from trilend.tenancy.context import bound, tenant_session
from trilend_microfinance.applications.models import Application
from trilend_microfinance.disbursement import service as disbursement

NOWHERE = 987654
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
# What hangs on each customer, by the name of the argument that takes its id.
_NAMED = {"party_id": "party", "application_id": "application", "loan_id": "loan"}
_NOISE = (re.compile(r'(?:value|content)="[^"]*\.[\w.-]{10,}"'), re.compile(r"[0-9a-f]{32}"), re.compile(r"\d{6,7}\b"))


@pytest.fixture(scope="module")
def narrow(branches: Branches) -> Branches:
    """The company with officers that hold all permissions of business, and see their own customers only."""
    with bound(branches.tenant):
        session = tenant_session()
        roles = {role.name: role for role in session.scalars(select(Role))}
        officer = roles["Officer"]
        officer.permissions = [
            pair
            for pair in roles["Admin"].permissions
            if pair.view_menu.name in ("Parties", "Applications", "Contracts", "Loans")
        ]
        session.merge(RoleScope(role_id=officer.id, scope=DataScope.OWN))
        session.commit()
    return branches


@pytest.fixture
def member(application: Any, narrow: Branches) -> HostClient:
    """The browser of an officer of the team in the East."""
    browser = HostClient(application, f"{narrow.tenant.slug}.localhost")
    signed_in = browser.post(
        "/login/", data=_with_token(browser, "/login/", username="member", password=STAFF_PASSWORD)
    )
    assert signed_in.status_code == 302
    return browser


def _with_token(browser: HostClient, page: str, **fields: Any) -> dict[str, Any]:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(page).get_data(as_text=True))
    assert found, page
    return {"csrf_token": found[1], **fields}


def _addresses(method: str) -> Iterator[tuple[str, str]]:
    """All addresses of the tenant's pages that take the id of something scoped: the rule, and the argument's name."""
    for rule in create_tenant_app().url_map.iter_rules():
        named = [name for _kind, name in _ARGUMENT.findall(rule.rule) if name in _NAMED]
        if method in (rule.methods or ()) and named and not rule.rule.startswith("/api/"):
            yield rule.rule, named[0]


def _filled(rule: str, argument: str, value: int) -> str:
    """The rule with an id in it; of other arguments the one that is known to exist."""
    others = {"field": "mobile", "entry_id": "1"}
    return _ARGUMENT.sub(lambda found: str(value) if found[2] == argument else others.get(found[2], "1"), rule)


def _bare(answer: Any, value: int) -> tuple[int, str, str]:
    """What an answer tells, without the id that was asked for and what is random in each."""
    return (
        answer.status_code,
        _quiet(answer.get_data(as_text=True), value),
        _quiet(answer.headers.get("Location", ""), value),
    )


def _quiet(text: str, value: int) -> str:
    for noise in _NOISE:
        text = noise.sub("#", text)
    return re.sub(rf"(?<=[/>]){value}(?=[/<\"?]|$)", "#", text)


def test_the_generated_addresses_cover_the_pages_of_files(application: Any) -> None:
    covered = {rule for method in ("GET", "POST") for rule, _argument in _addresses(method)}
    assert {
        "/customers/<int:party_id>",
        "/customers/<int:party_id>/reveal/<field>",
        "/customers/<int:party_id>/hand-over",
        "/applications/<int:application_id>",
        "/applications/<int:application_id>/approve",
        "/loans/<int:loan_id>",
        "/loans/<int:loan_id>/prepay",
        "/contracts/<int:loan_id>/contract.pdf",
        "/contracts/<int:loan_id>/link",
    } <= covered


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_address_answers_for_a_hidden_id_as_for_one_that_does_not_exist(
    member: HostClient, narrow: Branches, method: str
) -> None:
    hidden = narrow.files["other"]
    for rule, argument in _addresses(method):
        answers = []
        for value in (getattr(hidden, _NAMED[argument]), NOWHERE):
            address = _filled(rule, argument, value)
            fields = (
                _with_token(member, "/customers/new", reason="核对资料", note="同意", to="1")
                if method == "POST"
                else {}
            )
            headers = {"Referer": f"http://{narrow.tenant.slug}.localhost:8000/customers/"}
            answers.append(_bare(member.open(address, method=method, data=fields, headers=headers), value))
            member.get("/customers/")  # takes what was flashed away
        assert answers[0] == answers[1], rule
        assert answers[0][0] in (303, 404), rule


def test_nothing_happened_to_what_is_hidden(narrow: Branches, member: HostClient) -> None:
    hidden = narrow.files["other"]
    with bound(narrow.tenant):
        before = _lines(hidden)
    test_every_address_answers_for_a_hidden_id_as_for_one_that_does_not_exist(member, narrow, "POST")
    with bound(narrow.tenant):
        assert _lines(hidden) == before


def _lines(hidden: Any) -> int:
    about = (
        ((AuditEntry.subject_type == "party") & (AuditEntry.subject_id == hidden.party))
        | ((AuditEntry.subject_type == "loan_application") & (AuditEntry.subject_id == hidden.application))
        | ((AuditEntry.subject_type == "loan") & (AuditEntry.subject_id == hidden.loan))
    )
    return tenant_session.scalar(select(func.count()).select_from(AuditEntry).where(about)) or 0


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/customers/",
        "/customers/?q={name}",
        "/customers/?q={identifier}",
        "/customers/?page=2",
        "/applications/",
        "/applications/?q={name}",
        "/applications/?q={application}",
        "/applications/?state=contracted",
        "/applications/new",
        "/applications/new?q={name}",
        "/loans/",
        "/loans/?q={name}",
        "/loans/?q={loan}",
        "/loans/?state=contracted",
        "/loans/disburse",
        "/imports/",
    ],
)
def test_no_list_search_or_count_names_what_is_hidden(member: HostClient, narrow: Branches, address: str) -> None:
    hidden = narrow.files["other"]
    application, loan = hidden.numbers
    asked = address.format(name=hidden.name, identifier=hidden.identifier, application=application, loan=loan)
    page = member.get(asked)
    assert page.status_code == 200
    text = page.get_data(as_text=True).replace(f'value="{hidden.name}"', "").replace(f"“{hidden.name}”", "")
    for telling in (
        hidden.name,
        f'/customers/{hidden.party}"',
        f'/applications/{hidden.application}"',
        f'/loans/{hidden.loan}"',
    ):
        assert telling not in text, telling


def test_the_counts_are_those_of_the_own_files(member: HostClient, narrow: Branches) -> None:
    for address in ("/customers/", "/applications/", "/loans/"):
        assert "共 1 条" in member.get(address, headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)


def test_a_customer_who_is_recorded_elsewhere_is_taken_and_no_more_is_said(
    member: HostClient, narrow: Branches
) -> None:
    hidden = narrow.files["other"]
    entered = {"kind": "person", "name": "别名", "identifier": hidden.identifier, "mobile": "13900000000"}
    entered["account_number"] = "11001085000012345678"
    answer = member.post("/customers/new", data=_with_token(member, "/customers/new", **entered))
    assert answer.status_code == 409
    assert hidden.name not in answer.get_data(as_text=True)


def test_bulk_acts_on_hidden_ids_end_as_those_on_ids_that_do_not_exist(
    member: HostClient, narrow: Branches, run_jobs: Callable[[], int]
) -> None:
    hidden = narrow.files["other"]
    results = []
    for value in (hidden.application, NOWHERE):
        fields = _with_token(member, "/customers/new", chosen=str(value))
        begun = member.post("/applications/approve", data=fields)
        run_jobs()
        page = member.get(begun.headers["Location"]).get_data(as_text=True)
        job = begun.headers["Location"].rpartition("/")[2]
        # The bell counts both results, the second one more.
        page = re.sub(r'\d+ 条新通知|bell-count" aria-hidden="true">\d+', "#", page)
        results.append(
            re.sub(r"[0-9a-f]{32}|\d{6,}", "#", page.replace(f"/work/{job}", "#")).replace(f">{value}<", "#")
        )
    assert results[0].replace(str(hidden.application), "#") == results[1].replace(str(hidden.application), "#")
    with bound(narrow.tenant):
        assert tenant_session.get_one(Application, hidden.application).decided_by is None


def test_the_jobs_of_others_are_not_shown(member: HostClient, narrow: Branches) -> None:
    with bound(narrow.tenant):
        session = tenant_session()
        other = narrow.officers["other"].user_id
        job = enqueue(session, disbursement.JOB, {"loans": []}, created_by=other).id
        session.commit()
    assert member.get(f"/loans/work/{job}").status_code == member.get(f"/loans/work/{NOWHERE}").status_code == 404


def test_documents_and_contracts_hang_on_what_they_belong_to(narrow: Branches) -> None:
    from trilend.documents.models import Document
    from trilend.organization.sight import seen_by

    with bound(narrow.tenant):
        session = tenant_session()
        for subject_type, subject_id in (("loan", narrow.files["other"].loan), ("company", 1)):
            file_document(
                session,
                subject_type=subject_type,
                subject_id=subject_id,
                kind="note",
                title=secrets.token_hex(4),
                media_type="text/plain",
                content=b"text",
            )
        session.flush()
        for who, seen in (("other", {"loan", "company"}), ("member", {"company"})):
            with seen_by(narrow.officers[who].user_id):
                assert set(session.scalars(select(Document.subject_type))) == seen


def _token(application: Any, branches: Branches, department: int | None) -> tuple[HostClient, dict[str, str]]:
    scopes = ["parties:read", "parties:write", "applications:read", "applications:write", "loans:read"]
    with bound(branches.tenant):
        session = tenant_session()
        client, secret = add_api_client(session, SYSTEM, name=secrets.token_hex(4), scopes=scopes)
        hold_program(session, SYSTEM, client.id, department)
        session.commit()
        credentials = (client.client_id, secret)
    program = HostClient(application, f"{branches.tenant.slug}.localhost")
    answer = program.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
    return program, {"Authorization": f"Bearer {answer.json['access_token']}"}


def test_a_program_sees_everything_unless_it_is_held_to_a_department(application: Any, narrow: Branches) -> None:
    for department, names in ((None, {"lead", "member", "other"}), (narrow.east, {"lead", "member"})):
        program, headers = _token(application, narrow, department)
        for address, kind in (("parties", "party"), ("applications", "application"), ("loans", "loan")):
            listed = program.get(f"/api/v1/{address}", headers=headers).json["items"]
            assert {item["id"] for item in listed} >= {getattr(narrow.files[name], kind) for name in names}
            hidden = getattr(narrow.files["other"], kind)
            assert (hidden in {item["id"] for item in listed}) == ("other" in names)
            if "other" not in names:
                answers = [program.get(f"/api/v1/{address}/{value}", headers=headers) for value in (hidden, NOWHERE)]
                problems = [{**answer.json, "instance": "", "id": 0} for answer in answers]
                assert [answer.status_code for answer in answers] == [404, 404]
                assert problems[0]["detail"] == problems[1]["detail"]
                assert problems[0].keys() == problems[1].keys()


@pytest.mark.parametrize(("department", "seen"), [(None, {"member"}), ("east", {"member"}), ("west", set())], ids=str)
def test_a_program_that_acts_for_a_person_sees_what_both_may(
    application: Any, narrow: Branches, department: str | None, seen: set[str]
) -> None:
    token = secrets.token_urlsafe(16)
    with bound(narrow.tenant):
        session = tenant_session()
        client, _ = add_api_client(session, SYSTEM, name=secrets.token_hex(4), scopes=["parties:read"])
        hold_program(session, SYSTEM, client.id, getattr(narrow, department) if department else None)
        grant = ApiGrant(client_id=client.id, user_id=narrow.officers["member"].user_id, scopes="parties:read")
        session.add(grant)
        session.flush()
        expiry = now() + timedelta(minutes=5)
        session.add(
            ApiToken(
                digest=digest_of(token),
                client_id=client.id,
                scopes="parties:read",
                expires_at=expiry,
                grant_id=grant.id,
            )
        )
        session.commit()
    program = HostClient(application, f"{narrow.tenant.slug}.localhost")

    listed = program.get("/api/v1/parties", headers={"Authorization": f"Bearer {token}"})

    assert listed.status_code == 200, listed.json
    found = {item["id"] for item in listed.json["items"]}
    assert {name for name, file in narrow.files.items() if file.party in found} == seen


def test_what_two_may_see_together() -> None:
    own, team, others = Sight(owner=7), Sight(departments=(1, 2)), Sight(departments=(2, 3))
    assert EVERYTHING.both(own) == own.both(EVERYTHING) == own
    assert team.both(others) == Sight(departments=(2,))
    assert own.both(team) == Sight(departments=(1, 2), owner=7)
    assert own.both(Sight(owner=8)) == own.both(NOTHING) == NOTHING.both(EVERYTHING) == NOTHING
