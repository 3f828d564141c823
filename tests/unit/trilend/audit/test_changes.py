"""What the log keeps of a change: before and after, never a personal number or a secret in full."""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from tests.numbers import new_card, new_mobile, new_resident_id
from werkzeug.test import Client

from trilend.audit.changes import Snapshot, changed
from trilend.audit.masks import masked, without_personal_numbers
from trilend.audit.models import AuditEntry
from trilend.audit.service import Actor, record
from trilend.identity.service import add_api_client, revoke_api_client
from trilend.parameters.service import set_parameter
from trilend.parties.models import Party, PartyKind
from trilend.parties.service import PartyData, add_party, confirm_identifier
from trilend.plugin_host.connections import save_connection, switch_off

CLERK = Actor("陈静", 1)
ON = date(2026, 3, 31)


def last(session: Session) -> AuditEntry:
    session.commit()
    session.expire_all()
    found = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert found is not None
    return found


def everything(session: Session) -> str:
    """The whole log as it is stored, with JSON's own escapes resolved."""
    rows = session.execute(text("SELECT entry::text, details, changes FROM audit_entry AS entry")).all()
    return "".join(raw + json.dumps([details, changes], ensure_ascii=False) for raw, details, changes in rows)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("客户 11010519491231002X 来电", "客户 110***********002X 来电"),
        ("手机13800138000。", "手机138****8000。"),
        ("卡号 6222021234567894321?", "卡号 6222021234567894321?"),
        ("卡号 6222600260001072444", "卡号 622************2444"),
        ("流水号 20261125000012345678", "流水号 20261125000012345678"),
        ("金额 120000.00，利率 12%", "金额 120000.00，利率 12%"),
        ("合同 HT13800138000", "合同 HT13800138000"),
    ],
)
def test_personal_numbers_in_a_text_are_masked(said: str, kept: str) -> None:
    assert without_personal_numbers(said) == kept


def test_a_short_value_is_masked_whole() -> None:
    assert (masked("12345"), masked("12345678")) == ("*****", "123*5678")


def test_only_what_differs_is_kept() -> None:
    before = Snapshot({"name": "甲", "amount": Decimal("100.00"), "day": None})
    after = Snapshot({"name": "乙", "amount": Decimal("100"), "day": ON})
    assert changed(before, after) == {"name": ["甲", "乙"], "day": [None, "2026-03-31"]}


def test_a_change_of_a_sensitive_value_shows_even_when_its_mask_does_not() -> None:
    before = Snapshot({"account": "6222000000004444"}, frozenset({"account"}))
    after = Snapshot({"account": "6222999999994444"}, frozenset({"account"}))
    assert changed(before, after) == {"account": ["622*********4444", "622*********4444"]}


def test_a_customers_numbers_are_masked_before_they_are_stored(session: Session) -> None:
    number, mobile, card = new_resident_id(), new_mobile(), new_card()
    added = add_party(
        session, CLERK, PartyData(PartyKind.PERSON, "李秀兰", number, mobile, card, account_bank="工商银行"), on=ON
    )
    line = last(session)

    assert line.changes == {
        "kind": [None, "person"],
        "name": [None, "李秀兰"],
        "identifier": [None, masked(number)],
        "identifier_doubtful": [None, False],
        "mobile": [None, masked(mobile)],
        "account_number": [None, masked(card)],
        "account_bank": [None, "工商银行"],
    }
    record(session, CLERK, "party.revealed", "party", added.id, reason=f"核对 {number} 与 {mobile}", note=card)
    session.commit()
    log = everything(session)
    assert [secret for secret in (number, mobile, card) if secret in log] == []
    assert session.scalars(select(Party.identifier)).one() == number


def test_confirming_an_identifier_shows_what_was_doubtful(session: Session) -> None:
    added = add_party(
        session, CLERK, PartyData(PartyKind.PERSON, "李秀兰", new_resident_id(), new_mobile(), new_card()), on=ON
    )
    added.identifier_doubtful = True
    session.commit()
    confirm_identifier(session, CLERK, added)
    assert last(session).changes == {"identifier_doubtful": [True, False]}


def test_a_figure_shows_its_value_before_and_after(session: Session) -> None:
    set_parameter(session, CLERK, name="net_assets", value=Decimal("1000"), unit="CNY", effective_from=ON)
    session.commit()
    set_parameter(
        session,
        CLERK,
        name="net_assets",
        value=Decimal("2500.5"),
        unit="CNY",
        effective_from=ON,
        legal_basis="审计报告",
    )
    line = last(session)
    assert line.changes == {"value": ["1000", "2500.5"], "legal_basis": ["", "审计报告"]}


def test_secrets_of_a_connection_are_not_in_the_log(session: Session) -> None:
    config = {
        "base_url": "https://bank.example",
        "client_id": "app",
        "account_holder": "青山小额贷款有限公司",
        "account_number": "622200001234567",
        "bank_name": "工商银行",
        "trust_pem": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
        "bank_public_key": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
    }
    entered = {"plugin_identity": "trilend/openbank", "name": "银行"}
    made = save_connection(session, CLERK, **entered, config=config, secrets={"client_private_key": "TOP-SECRET-1"})
    line = last(session)
    assert line.changes["config.account_number"] == [None, "622********4567"]
    assert line.changes["config.base_url"] == [None, "https://bank.example"]
    assert line.changes["secrets.client_private_key"] == [None, "***"]

    changed_config = config | {"account_number": "622299991234567"}
    secrets = {"client_private_key": "TOP-SECRET-2"}
    save_connection(session, CLERK, **entered, config=changed_config, secrets=secrets, existing=made)
    assert last(session).changes == {
        "config.account_number": ["622********4567", "622********4567"],
        "secrets.client_private_key": ["***", "***"],
    }
    switch_off(session, CLERK, made)
    assert last(session).changes == {"state": ["draft", "off"]}
    log = everything(session)
    assert [secret for secret in ("TOP-SECRET", "622200001234567", "622299991234567") if secret in log] == []


def test_an_api_client_shows_its_rights_and_not_its_secret(session: Session) -> None:
    client, secret = add_api_client(session, CLERK, name="总账", scopes=["parties:read"])
    line = last(session)
    assert line.changes == {
        "client_id": [None, client.client_id],
        "name": [None, "总账"],
        "scopes": [None, "parties:read"],
        "active": [None, True],
        "kind": [None, "service"],
    }
    revoke_api_client(session, CLERK, client.id)
    assert last(session).changes == {"active": [True, False]}
    assert secret not in everything(session)
    assert client.secret_hash not in everything(session)


_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def post(client: Client, path: str, **data: Any) -> Any:
    token = _TOKEN.search(client.get(path).get_data(as_text=True))
    assert token, path
    return client.post(path, data={"csrf_token": token[1]} | data)


@pytest.fixture
def admin(browse: Callable[[str], Client], tenant: Any) -> Client:
    client = browse(f"{tenant.slug}.localhost")
    post(client, "/login/", username="admin", password=PASSWORD)
    return client


def test_people_and_roles_leave_a_trace_of_what_changed(session: Session, admin: Client) -> None:
    roles = {name: str(number) for number, name in session.execute(text("SELECT id, name FROM ab_role")).all()}
    post(
        admin,
        "/people/add",
        first_name="周敏",
        username="zhoumin",
        email="zhou@example.com",
        active="y",
        roles=[roles["Officer"]],
        password="correct horse battery",
        conf_password="correct horse battery",
    )
    line = last(session)
    assert (line.act, line.actor, line.details) == ("person.added", "管理员", {"name": "zhoumin"})
    assert line.changes == {
        "first_name": [None, "周敏"],
        "username": [None, "zhoumin"],
        "email": [None, "zhou@example.com"],
        "active": [None, True],
        "roles": [None, ["Officer"]],
    }

    person = line.subject_id
    post(
        admin,
        f"/people/edit/{person}",
        first_name="周敏",
        username="zhoumin",
        email="zhou@example.com",
        roles=[roles["Officer"], roles["Approver"]],
    )
    line = last(session)
    assert (line.act, line.subject_id) == ("person.changed", person)
    assert line.changes == {"active": [True, False], "roles": [["Officer"], ["Approver", "Officer"]]}

    post(
        admin,
        f"/resetpassword/form?pk={person}",
        password="another horse battery",
        conf_password="another horse battery",
    )
    line = last(session)
    assert (line.act, line.subject_id, line.changes) == ("person.password_set", person, {})
    assert "horse" not in everything(session)

    held = session.scalars(
        text("SELECT permission_view_id FROM ab_permission_view_role WHERE role_id = :role ORDER BY 1"),
        {"role": roles["Cashier"]},
    ).all()
    post(admin, f"/roles/edit/{roles['Cashier']}", name="Cashier", permissions=[str(number) for number in held[1:]])
    line = last(session)
    assert line.act == "role.changed"
    before, after = line.changes["permissions"]
    assert (len(before), after) == (1, [])
