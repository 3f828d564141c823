"""Adds and reads loan products."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record
from trilend.errors import Invalid, NotFound, Refused
from trilend_microfinance.products.models import Product


def products(session: Session, *, active_only: bool = False) -> Sequence[Product]:
    """All products by code."""
    statement = select(Product).order_by(Product.code)
    return session.scalars(statement.where(Product.active.is_(True)) if active_only else statement).all()


def product(session: Session, product_id: int) -> Product:
    """One product; raises `NotFound`."""
    found = session.get(Product, product_id)
    if found is None:
        raise NotFound(_l("This product does not exist."), id=product_id)
    return found


def default_products(session: Session) -> Mapping[str, Product]:
    """For each method the first active product that uses it."""
    return {found.method: found for found in reversed(products(session, active_only=True))}


def add_product(session: Session, actor: Actor, values: Mapping[str, Any]) -> Product:
    """Add a product; raises `Refused` if the code is taken, `Invalid` if bounds cross."""
    if values["min_amount"] > values["max_amount"] or values["min_periods"] > values["max_periods"]:
        raise Invalid(_l("The lower bound is above the upper bound."), field="max_amount")
    if session.scalar(select(Product.id).where(Product.code == values["code"])) is not None:
        raise Refused(_l("Another product has this code."), field="code")
    added = Product(**values)
    session.add(added)
    session.flush()
    record(
        session, actor, "product.added", "product", added.id, changes=changed(None, snapshot(added)), code=added.code
    )
    return added


def set_active(session: Session, actor: Actor, subject: Product, *, active: bool) -> None:
    """Offer a product, or stop offering it; loans that run keep theirs."""
    before = snapshot(subject, "active")
    subject.active = active
    changes = changed(before, snapshot(subject, "active"))
    record(
        session,
        actor,
        "product.activated" if active else "product.deactivated",
        "product",
        subject.id,
        changes=changes,
        code=subject.code,
    )
