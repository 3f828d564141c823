"""The admin API of a running sandbox bank as Python calls."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import httpx

TIMEOUT_SECONDS = 30.0


class BankAdmin:
    """Calls the admin API; a refusal raises `httpx.HTTPStatusError`. Amounts are text in yuan."""

    def __init__(self, base_url: str, ca_pem: Path) -> None:
        self._base_url = base_url
        self._tls = ssl.create_default_context(cafile=str(ca_pem))

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

    def order_fault(self, kind: str, count: int = 1, endpoint: str = "", seconds: float = 2.0) -> None:
        """Let the next calls (of one endpoint, or of any) go wrong."""
        self._call("POST", "/admin/faults", {"kind": kind, "count": count, "endpoint": endpoint, "seconds": seconds})

    def faults(self) -> list[dict[str, Any]]:
        """Faults still to come."""
        return list(self._call("GET", "/admin/faults")["faults"])

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._call("DELETE", "/admin/faults")

    def set_book_date(self, book_date: date | None) -> None:
        """Book new entries on this date; `None` follows the calendar."""
        self._call("POST", "/admin/settings", {"book_date": book_date.isoformat() if book_date else None})

    def set_settlement(self, settlement: str) -> None:
        """Carry transfers out with the request (`immediate`) or on `settle` (`manual`)."""
        self._call("POST", "/admin/settings", {"settlement": settlement})

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        with httpx.Client(base_url=self._base_url, verify=self._tls, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            answer = http.request(method, path, json=body, params=query)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}
