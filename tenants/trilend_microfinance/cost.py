"""The all-in cost of a microfinance loan: interest is its only charge, penalty arises on default alone."""

from decimal import Decimal

from trilend.credit.disclosure import Charge, DefaultCharge, Disclosure, disclosure
from trilend.credit.terms import Terms
from trilend_microfinance.products.labels import CHINESE_METHOD_NAME


def cost_of(terms: Terms, *, lender: str, penalty_rate: Decimal) -> Disclosure:
    """The table that a borrower reads before signing (金规〔2026〕2号), in Chinese as the contract is."""
    interest = Charge(
        name="利息",
        payee=lender,
        method=CHINESE_METHOD_NAME[terms.method],
        standard=f"年利率 {percent(terms.annual_rate)}",
        amount=Decimal(0),
    )
    penalty = DefaultCharge(name="罚息", payee=lender, standard=f"逾期本金按年利率 {percent(penalty_rate)} 按日计收")
    return disclosure(terms, interest, (), (penalty,))


def percent(rate: Decimal) -> str:
    """A fraction as percent with two places: 12.80 %."""
    return f"{rate * 100:.2f}%"
