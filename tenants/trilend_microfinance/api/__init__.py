"""What a microfinance company's interface offers beside what all tenants have."""

from trilend_microfinance.api.applications import APPLICATIONS
from trilend_microfinance.api.loans import LOANS
from trilend_microfinance.api.payments import PAYMENTS
from trilend_microfinance.api.products import PRODUCTS

RESOURCES = (PRODUCTS, APPLICATIONS, LOANS, PAYMENTS)

__all__ = ["RESOURCES"]
