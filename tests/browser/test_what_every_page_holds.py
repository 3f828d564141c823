"""Every page of every face, for each who may open it: no finding of axe, no complaint, no wider than its window.

Each page is looked at once, languages and widths in turn; `make pages` looks at the whole product.
"""

import pytest
from playwright.sync_api import expect
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.pages import Site, faults
from tests.browser.stack import Stack
from tests.browser.window import Window
from tests.offline import offline_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(900)]


def look_at(face: str, window: Window, stack: Stack) -> Site:
    """Look at every page of a face, and fail with all that is wrong."""
    offline_settings()
    from trilend import app as applications

    site = Site(getattr(applications, f"create_{face}_app")(), window.page)
    stack.complaints.take()
    wrong = faults(window, stack.complaints, site)
    assert wrong == [], "\n".join(wrong)
    return site


def test_pages_of_an_administrator(company: Company, running: Loan) -> None:
    window = company.sign_in("admin")
    seen = look_at("tenant", window, company.stack)
    assert {"HomeView.index", "PartiesView.detail", "LoansView.detail", "UsersView.edit", "CompanyView.paper"} <= set(
        seen.pages
    )
    window.page.context.close()


def test_pages_of_a_cashier(company: Company, running: Loan) -> None:
    window = company.sign_in("cashier")
    seen = look_at("tenant", window, company.stack)
    assert {"LoansView.disburse", "BooksView.journals", "StatementsView.entries"} <= set(seen.pages)
    assert not {"UsersView.list", "CompanyView.overview"} & set(seen.pages)
    window.page.context.close()


def test_pages_of_an_operator(company: Company) -> None:
    window = company.stack.window(f"http://console.localhost:{company.stack.machine.port}")
    window.open("/login")
    window.fill(用户名="operator", 密码=company.stack.operator_password)
    window.press("登录")
    expect(window.page.get_by_role("heading", level=1)).to_be_visible()
    seen = look_at("console", window, company.stack)
    assert {"console.tenants", "console.company", "fleet.page", "console.plan_list"} <= set(seen.pages)
    window.page.context.close()


def test_pages_of_a_stranger(company: Company) -> None:
    window = company.stack.window()
    window.open("/")
    seen = look_at("public", window, company.stack)
    assert {"signup.landing", "signup.company"} <= set(seen.pages)
    window.page.context.close()
