"""Why the bank moves no money, beside what every sandbox server refuses."""


class InsufficientBalance(Exception):
    """The payer's account holds less than the amount to be moved."""
