"""The admin API and the page: local only, and every act is whole or refused."""

from datetime import date

import httpx
import pytest
from stdnum import luhn

OUTSIDE = {"number": "6222020200112230000", "holder": "李四", "bank_name": "工商银行"}


def test_made_up_account_number_has_a_check_digit(bank):
    number = bank.admin.open_account("张三")["number"]

    assert len(number) == 19
    assert luhn.is_valid(number)


@pytest.mark.parametrize("number", ["6222020200112230001", "62220", "abc", "６２２２０２０２００１１２２３００００"])
def test_account_number_without_check_digit_is_refused(bank, number):
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        bank.admin.open_account("张三", number=number)


def test_account_number_is_given_once(bank, account):
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        bank.admin.open_account("张三", "1.00", number=account)
    assert bank.admin.account(account)["balance"] == "1000.00"


def test_repayment_is_booked_on_the_date_given(bank, account):
    bank.admin.pay_in(OUTSIDE, {"number": account}, "881.35", "第1期", date(2031, 3, 31))

    entry = bank.admin.entries(account)[-1]

    assert (entry["booked_on"], entry["direction"], entry["amount"]) == ("2031-03-31", "in", "881.35")
    assert entry["counterparty"] == {"holder": "李四", "number": OUTSIDE["number"], "bank_name": "工商银行"}


@pytest.mark.parametrize(
    ("payer", "amount", "status"),
    [
        ({"number": "6222020200112230000"}, "1.00", "400"),
        (OUTSIDE, "0", "400"),
        (OUTSIDE, "1.005", "400"),
    ],
)
def test_wrong_payment_books_nothing(bank, account, payer, amount, status):
    with pytest.raises(httpx.HTTPStatusError, match=status):
        bank.admin.pay_in(payer, {"number": account}, amount)
    assert len(bank.admin.entries(account)) == 1


def test_payment_beyond_the_balance_books_nothing(bank, account):
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        bank.admin.pay_in({"number": account}, OUTSIDE, "1000.01")
    assert bank.admin.account(account)["balance"] == "1000.00"


def test_client_with_a_weak_key_or_a_foreign_account_is_refused(bank, client):
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        bank.admin.register_client("weak", "no key", [])
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        bank.admin.register_client("lost", client.public_pem(), ["6222020200112230000"])
    assert {"weak", "lost"}.isdisjoint(known["client_id"] for known in bank.admin.bank()["clients"])


def test_fault_is_used_up_by_its_endpoint_only(bank, client, transfer):
    bank.admin.order_fault("delay", count=2, endpoint="transfers", seconds=0)
    client.call("ping", {})
    client.call("transfers", transfer())

    assert bank.admin.faults() == [{"kind": "delay", "endpoint": "transfers", "seconds": 0.0, "count": 1}]
    bank.admin.clear_faults()
    assert bank.admin.faults() == []


def test_refused_request_uses_up_no_fault(bank, client, transfer):
    bank.admin.order_fault("error_before", endpoint="transfers")
    client.call("transfers", transfer(), **{"X-Signature": "AAAA"})

    assert len(bank.admin.faults()) == 1
    bank.admin.clear_faults()


@pytest.mark.parametrize(
    "headers",
    [{"Host": "bank.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
def test_other_sites_are_refused(http, account, bank, headers):
    form = {"payer": account, "payee": OUTSIDE["number"], "payee_holder": "李四", "amount": "1.00"}

    assert http.post("/pay-in", data=form, headers=headers).status_code == 403
    assert bank.admin.account(account)["balance"] == "1000.00"


def test_page_pays_in_and_shows_it(http, account, bank):
    form = {
        "payer": OUTSIDE["number"],
        "payer_holder": "李四",
        "payee": account,
        "amount": "1,234.50",
        "remark": "还款",
    }

    done = http.post("/pay-in", data=form, headers={"Origin": bank.base_url})
    statement = http.get(f"/statements/{account}")

    assert (done.status_code, done.headers["Location"]) == (303, "/?done=paid_in")
    assert "1,234.50" in statement.text
    assert "2,234.50" in statement.text
    assert "李四" in statement.text


def test_page_keeps_what_was_entered_when_it_refuses(http, account, bank):
    form = {"payer": account, "payee": OUTSIDE["number"], "payee_holder": "李四", "amount": "1000.01", "remark": "房租"}

    answer = http.post("/pay-in", data=form)

    assert answer.status_code == 409
    assert "付款账户余额不足" in answer.text
    assert 'value="房租"' in answer.text
    assert bank.admin.account(account)["balance"] == "1000.00"


def test_page_speaks_english_when_asked_and_remembers(http):
    assert "账户" in http.get("/").text
    assert "Accounts" in http.get("/?lang=en").text
    assert "Accounts" in http.get("/").text


def test_page_runs_nothing_and_is_framed_by_nobody(http):
    answer = http.get("/")

    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_page_shows_markup_in_names_as_text(http, bank):
    bank.admin.open_account("<b>张三</b>")

    assert "<b>张三" not in http.get("/?search=<b>").text


def test_page_sets_and_clears_faults(http, bank):
    http.post("/faults", data={"kind": "drop_after", "endpoint": "transfers", "count": "3", "seconds": "0"})
    assert bank.admin.faults() == [{"kind": "drop_after", "endpoint": "transfers", "seconds": 0.0, "count": 3}]
    assert http.post("/faults", data={"kind": "flood", "count": "1", "seconds": "0"}).status_code == 400

    http.post("/faults/clear")
    assert bank.admin.faults() == []
