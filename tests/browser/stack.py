"""The whole platform on one machine, and windows that look at it."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from tests.browser.window import DESKTOP, Complaints, Window
from tests.flow.one_machine.machine import Machine

from trilend_sandbox.bank.admin_client import BankAdmin

_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
_LINK = re.compile(r"http://\S+/sign/[\w-]+")


@dataclass
class Stack:
    """A `trilend up` of its own without demo companies, its sandbox bank, and the browser."""

    machine: Machine
    browser: Browser
    complaints: Complaints = field(default_factory=Complaints)

    @property
    def url(self) -> str:
        """Address of the public site."""
        return f"http://localhost:{self.machine.port}"

    @property
    def bank_url(self) -> str:
        """Address of the sandbox bank."""
        return f"https://127.0.0.1:{self.machine.port + 1}"

    @property
    def operator_password(self) -> str:
        """The operator's, as the terminal shows it at the start."""
        found = re.search(r"operator / (\S+)", self.machine.said)
        assert found is not None, self.machine.said
        return found[1]

    @property
    def ca_pem(self) -> Path:
        """The authority that certifies the sandbox bank."""
        return self.machine.folder / "bank" / "ca.pem"

    @property
    def bank(self) -> BankAdmin:
        """The sandbox bank from behind the counter."""
        return BankAdmin(self.bank_url, self.ca_pem)

    def window(self, url: str = "", **options: Any) -> Window:
        """A new person at a browser that knows nothing of others."""
        context = self.browser.new_context(
            base_url=url or self.url, locale="zh-CN", **({"viewport": DESKTOP} | options)
        )
        self.complaints.watch(context)
        return Window(context)

    def close_days(self, slug: str, until: date) -> None:
        """Run the end of day of a company up to and including a day, from the command line."""
        command = [sys.executable, "-m", "trilend.cli", "--data-dir", str(self.machine.folder)]
        command += ["eod", "--tenant", slug, "--to", until.isoformat(), "--json"]
        # The settings are those of the folder, whatever installation other tests of this process use.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRILEND_")}
        closing = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        assert closing.returncode == 0, closing.stderr

    def code_sent_to(self, recipient: str) -> str:
        """The newest one-time code in the outbox for a mail address or a mobile."""
        return self._newest(recipient, _CODE)

    def link_sent_to(self, recipient: str) -> str:
        """The newest signing link in the outbox for a mobile."""
        return self._newest(recipient, _LINK)

    def _newest(self, recipient: str, what: re.Pattern[str]) -> str:
        window = self.window()
        for _ in range(100):
            window.open("/outbox")
            messages = window.main.locator("section").filter(has_text=recipient)
            for text in messages.locator(".outbox-body").all_inner_texts():
                if found := what.search(text):
                    window.page.context.close()
                    return found[0]
            window.page.wait_for_timeout(200)
        raise AssertionError(f"nothing like {what.pattern} was sent to {recipient}")
