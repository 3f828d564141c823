"""The open API keeps to its protocol: signatures, refusals, idempotency, and money that is conserved."""

import secrets
import threading
from datetime import UTC, datetime, timedelta

import pytest


def test_ping_shows_that_keys_and_clocks_agree(client):
    answer = client.call("ping", {})

    assert answer.status_code == 200
    assert answer.json()["client_id"] == "company"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Client-Id": "nobody"}, "client_unknown"),
        ({"X-Signature": "AAAA"}, "signature_invalid"),
        ({"X-Signature": "no base64"}, "signature_invalid"),
        ({"X-Nonce": "another-nonce-than-signed"}, "signature_invalid"),
        ({"X-Timestamp": "yesterday"}, "timestamp_invalid"),
        ({"X-Timestamp": "2026-01-01T00:00:00"}, "timestamp_invalid"),
        ({"X-Timestamp": "2026-01-01T00:00:00+08:00"}, "timestamp_invalid"),
        ({"X-Timestamp": "2026-01-01T00:00:00Z"}, "clock_skew"),
        ({"X-Timestamp": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, "clock_skew"),
    ],
)
def test_request_that_is_not_the_clients_is_refused(client, transfer, headers, code):
    answer = client.call("transfers", transfer(), **headers)

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert client.bank.admin.transfers(transfer()["idempotency_key"]) == []


def test_signature_covers_the_path(client, http, account):
    content = b'{"account": "%b"}' % account.encode()
    answer = http.post("/v1/balances", content=content, headers=client.headers("/v1/statements", content))

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


def test_nonce_works_once(client, http):
    headers = client.headers("/v1/ping", b"{}")

    statuses = [http.post("/v1/ping", content=b"{}", headers=headers).status_code for _ in range(2)]

    assert statuses == [200, 401]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "0.00"},
        {"amount": "-1.00"},
        {"amount": "1.5"},
        {"amount": "1"},
        {"amount": "1e3"},
        {"amount": 100},
        {"amount": "١.٠٠"},
        {"idempotency_key": "short"},
        {"to": {"holder": "", "number": "6222020200112230000"}},
        {"to": {"holder": "现金", "number": "CASH"}},
        {"unknown": 1},
    ],
)
def test_body_against_the_protocol_is_refused(client, transfer, change):
    answer = client.call("transfers", transfer(**change))

    assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid")
    assert client.bank.admin.transfers(transfer()["idempotency_key"]) == []


def test_unknown_endpoint_is_refused(client):
    answer = client.call("loans", {})

    assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_unknown")


def test_rejected_transfer_stays_rejected(client, transfer, account):
    first = client.call("transfers", transfer(amount="1000.01")).json()
    client.bank.admin.pay_in({"number": "6222020200112230000", "holder": "李四"}, {"number": account}, "5000")
    second = client.call("transfers", transfer(amount="1000.01")).json()

    assert (first["status"], first["reason"]) == ("rejected", "余额不足")
    assert second == first
    assert client.bank.admin.account(account)["balance"] == "6000.00"


def test_transfer_to_oneself_is_rejected(client, transfer, account):
    payee = {"holder": "江南小额贷款有限公司", "number": account}

    answer = client.call("transfers", transfer(to=payee)).json()

    assert (answer["status"], answer["reason"]) == ("rejected", "付款账号与收款账号相同")


@pytest.mark.parametrize("written", ["京华（北京）有限公司", "京华(北京)有限公司", "京华 (北京) 有限公司"])
def test_width_and_spaces_of_a_name_do_not_matter(client, transfer, written):
    number = client.bank.admin.open_account("京华(北京)有限公司")["number"]

    answer = client.call("transfers", transfer(to={"holder": written, "number": number})).json()

    assert answer["status"] == "settled"
    assert client.bank.admin.account(number)["balance"] == "100.00"


def test_one_key_from_many_at_once_moves_money_once(client, transfer, account):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.call("transfers", transfer()).json())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer["status"] for answer in answers] == ["settled"] * 8
    assert len({answer["reference"] for answer in answers}) == 1
    assert client.bank.admin.account(account)["balance"] == "900.00"


def test_no_transfer_overdraws_however_many_come_at_once(client, transfer, account):
    answers = []
    bodies = [transfer(idempotency_key=f"{account}-{number}", amount="300.00") for number in range(6)]
    threads = [
        threading.Thread(target=lambda body=body: answers.append(client.call("transfers", body).json()["status"]))
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["rejected"] * 3 + ["settled"] * 3
    assert client.bank.admin.account(account)["balance"] == "100.00"


def test_money_is_conserved(client, transfer, account):
    inside = client.bank.admin.open_account("张三", "50.00")["number"]
    client.call("transfers", transfer(idempotency_key=secrets.token_hex(8)))
    client.call("transfers", transfer(idempotency_key=secrets.token_hex(8), to={"holder": "张三", "number": inside}))
    client.call("transfers", transfer(idempotency_key=secrets.token_hex(8), amount="9999.00"))
    client.bank.admin.pay_in({"number": inside}, {"number": account}, "75.50")

    books = client.bank.admin.accounts()

    assert books["total"] == "0.00"
    assert client.bank.admin.account(account)["balance"] == "875.50"
    assert client.bank.admin.account(inside)["balance"] == "74.50"
    entries = client.bank.admin.entries(account)
    assert [entry["balance"] for entry in entries] == ["1000.00", "900.00", "800.00", "875.50"]
