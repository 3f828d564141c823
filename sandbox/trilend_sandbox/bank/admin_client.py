"""The admin API of a running sandbox bank as Python calls."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from trilend_sandbox.house.admin_client import AdminClient


class BankAdmin(AdminClient):
    """Calls the admin API; a refusal raises `httpx.HTTPStatusError`. Amounts are text in yuan."""

    def bank(self) -> dict[str, Any]:
        """Public key, book date, settlement and clients."""
        return self._call("GET", "/admin/bank")

    def public_key(self) -> str:
        """The key the bank's answers are checked with, in PEM."""
        return str(self.bank()["public_key"])

    def open_account(self, holder: str, balance: str = "0", number: str = "", bank_name: str = "") -> dict[str, Any]:
        """Open an account; the answer holds its number."""
        body = {"holder": holder, "balance": balance, "number": number, "bank_name": bank_name}
        return self._call("POST", "/admin/accounts", body)

    def account(self, number: str) -> dict[str, Any]:
        """Holder, bank name and balance of an account."""
        return self._call("GET", f"/admin/accounts/{number}")

    def accounts(self) -> dict[str, Any]:
        """Customers' accounts, internal ones, and the total of all balances (always 0.00)."""
        return self._call("GET", "/admin/accounts")

    def entries(self, number: str, after: int = 0) -> list[dict[str, Any]]:
        """The first hundred statement entries of an account after the one given."""
        return list(self._call("GET", f"/admin/accounts/{number}/entries?after={after}")["entries"])

    def register_client(self, client_id: str, public_key: str, accounts: Sequence[str]) -> dict[str, Any]:
        """Register an API client with its RSA public key (PEM) and the accounts it may use."""
        body = {"client_id": client_id, "public_key": public_key, "accounts": list(accounts)}
        return self._call("POST", "/admin/clients", body)

    def pay_in(
        self,
        payer: Mapping[str, str],
        payee: Mapping[str, str],
        amount: str,
        remark: str = "",
        booked_on: date | None = None,
    ) -> dict[str, Any]:
        """Move money between two accounts (`number`, for another bank's also `holder` and `bank_name`)."""
        body = {"from": dict(payer), "to": dict(payee), "amount": amount, "remark": remark}
        return self._call("POST", "/admin/pay-in", body | ({"booked_on": booked_on.isoformat()} if booked_on else {}))

    def transfers(self, idempotency_key: str) -> list[dict[str, Any]]:
        """The transfers under an idempotency key."""
        answer = self._call("GET", "/admin/transfers", query={"idempotency_key": idempotency_key})
        return list(answer["transfers"])

    def transfer_counts(self) -> dict[str, int]:
        """How many transfers were accepted, settled and rejected."""
        return dict(self._call("GET", "/admin/transfers?limit=1")["counts"])

    def settle(self) -> int:
        """Carry out every accepted transfer; the number of them."""
        return int(self._call("POST", "/admin/transfers/settle")["settled"])

    def set_book_date(self, book_date: date | None) -> None:
        """Book new entries on this date; `None` follows the calendar."""
        self._call("POST", "/admin/settings", {"book_date": book_date.isoformat() if book_date else None})

    def set_settlement(self, settlement: str) -> None:
        """Carry transfers out with the request (`immediate`) or on `settle` (`manual`)."""
        self._call("POST", "/admin/settings", {"settlement": settlement})
