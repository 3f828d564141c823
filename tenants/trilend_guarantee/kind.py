"""The guarantee kind as the platform sees it."""

from pathlib import Path

from flask_babel import lazy_gettext as _l

from trilend.kinds import (
    AUTHORISATION_LETTER,
    BUSINESS_LICENCE,
    LEGAL_REPRESENTATIVE_ID,
    MenuEntry,
    MenuGroup,
    PaperKind,
    Role,
    TenantKind,
)

_READ = ("can_list", "can_show")

KIND = TenantKind(
    name="guarantee",
    rank=2,
    label=_l("Guarantee company"),
    summary=_l("Guarantees a debtor's loan at a bank: before, during and after the guarantee."),
    points=(
        _l("Two-person due diligence and review"),
        _l("Exposure, concentration and reserves"),
        _l("Release, compensation and recovery"),
    ),
    icon="shield-check",
    menu=(
        MenuGroup(
            _l("Guarantee business"),
            (MenuEntry(_l("Customers"), "PartiesView.overview", "users", ("can_list", "Parties")),),
        ),
    ),
    roles=(
        Role(
            "ProjectManager",
            _l("Project manager"),
            {"Parties": (*_READ, "can_add", "can_reveal"), "MyPassword": ("*",)},
            scope="subtree",
        ),
        Role("Reviewer", _l("Review committee"), {"Parties": _READ, "MyPassword": ("*",)}),
        Role(
            "Cashier",
            _l("Cashier"),
            {"Parties": (*_READ, "can_see_account"), "Statements": ("*",), "Books": ("*",), "MyPassword": ("*",)},
        ),
        Role(
            "Auditor",
            _l("Auditor (reads everything)"),
            {
                "Parties": _READ,
                "Statements": ("*",),
                "Books": ("*",),
                "Parameters": ("can_list",),
                "AuditLog": ("*",),
                "KeptFiles": ("can_list",),
                "MyPassword": ("*",),
            },
        ),
    ),
    papers=(
        BUSINESS_LICENCE,
        PaperKind(
            "operating_permit",
            _l("Financing guarantee permit"),
            _l("Issued by the supervising authority of the province"),
            _l("Company name on the permit"),
            _l("Number of the permit"),
            frozenset({"company"}),
        ),
        LEGAL_REPRESENTATIVE_ID,
        AUTHORISATION_LETTER,
    ),
    translations=Path(__file__).parent / "translations",
    revisions=Path(__file__).parent / "revisions",
)
