"""The sandbox bank as a process of its own, for tests and for one-machine stacks."""

from trilend_sandbox.bank.admin_client import BankAdmin
from trilend_sandbox.house.process import SandboxProcess


class BankProcess(SandboxProcess[BankAdmin]):
    """A running sandbox bank."""

    package = "trilend_sandbox.bank"
    admin_type = BankAdmin
