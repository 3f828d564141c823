"""The broker kind as the platform sees it."""

from pathlib import Path

from flask_babel import lazy_gettext as _l

from trilend.kinds import MenuEntry, MenuGroup, Role, TenantKind

_READ = ("can_list", "can_show")

KIND = TenantKind(
    name="broker",
    rank=3,
    label=_l("Loan broker"),
    summary=_l("Finds and prepares borrowers for licensed lenders, from lead to funded loan."),
    points=(
        _l("Leads with one owner each"),
        _l("Products of lenders, matched and explained"),
        _l("Contact data masked, each reveal logged"),
    ),
    icon="heart-handshake",
    menu=(
        MenuGroup(
            _l("Broking"),
            (MenuEntry(_l("Customers"), "PartiesView.overview", "users", ("can_list", "Parties")),),
        ),
    ),
    roles=(
        Role(
            "Consultant",
            _l("Consultant"),
            {"Parties": (*_READ, "can_add", "can_reveal"), "MyPassword": ("*",)},
            scope="own",
        ),
        Role(
            "TeamLead",
            _l("Team lead"),
            {"Parties": (*_READ, "can_add", "can_reveal", "can_hand_over"), "MyPassword": ("*",)},
            scope="subtree",
        ),
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
    translations=Path(__file__).parent / "translations",
    revisions=Path(__file__).parent / "revisions",
)
