"""Loan products, for programs."""

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.api.fields import Answer, Money, Rate
from trilend.api.operations import Call, Resource
from trilend.credit.terms import Method
from trilend_microfinance.applications.errors import InvalidApplication
from trilend_microfinance.products.models import Product
from trilend_microfinance.products.service import products

PRODUCTS = Resource("products", _l("What can be applied for."))


class ProductAnswer(Answer):
    """A product and the bounds within which it is granted."""

    code: str
    name: str
    method: Method
    min_amount: Money
    max_amount: Money
    min_periods: int
    max_periods: int
    max_annual_rate: Rate
    grace_days: int
    active: bool


class ProductsAnswer(Answer):
    """All products, by code."""

    items: list[ProductAnswer]


@PRODUCTS.get("/products", scope="applications:read", summary=_l("List products"))
def list_products(call: Call) -> ProductsAnswer:
    """Also those that are no longer offered (`active` is false)."""
    return ProductsAnswer(items=[_answer(row) for row in products(call.session)])


def offered_product(session: Session, code: str) -> Product:
    """The product on offer with this code; raises `InvalidApplication`."""
    found = session.scalar(select(Product).where(Product.code == code, Product.active.is_(True)))
    if found is None:
        raise InvalidApplication("product", _l("This product does not exist."))
    return found


def _answer(row: Product) -> ProductAnswer:
    return ProductAnswer(
        code=row.code,
        name=row.name,
        method=Method(row.method),
        min_amount=row.min_amount,
        max_amount=row.max_amount,
        min_periods=row.min_periods,
        max_periods=row.max_periods,
        max_annual_rate=row.max_annual_rate,
        grace_days=row.grace_days,
        active=row.active,
    )
