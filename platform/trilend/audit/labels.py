"""What acts of the audit log are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

_LABELS: dict[str, LazyString] = {
    "party.added": _l("Customer recorded"),
    "party.imported": _l("Customer imported"),
    "party.identifier_confirmed": _l("Identifier compared with the document"),
    "party.revealed": _l("Masked field shown"),
    "connection.added": _l("Connection added"),
    "connection.changed": _l("Connection changed"),
    "connection.enrolled": _l("Signing identity made"),
    "connection.tested": _l("Connection tested"),
    "connection.switched_off": _l("Connection switched off"),
    "plugin.allowed": _l("Plugin allowed"),
    "plugin.disallowed": _l("Plugin switched off"),
    "parameter.set": _l("Figure set"),
    "envelope.opened": _l("Sent out for signature"),
    "envelope.relinked": _l("New signing link made"),
    "document.signed": _l("Document signed"),
    "object.deleted": _l("File deleted"),
    "object.held": _l("File put under a legal hold"),
    "object.hold_lifted": _l("Legal hold lifted"),
    "object.retained": _l("Time of keeping a file set"),
    "api_client.added": _l("API client added"),
    "api_client.revoked": _l("API client switched off"),
    "application.submitted": _l("Application submitted"),
    "application.imported": _l("Application imported"),
    "application.approved": _l("Application approved"),
    "application.refused": _l("Application refused"),
    "application.blocked": _l("Approval blocked by a limit"),
    "loan.disbursement_ordered": _l("Disbursement ordered"),
    "loan.disbursed": _l("Loan disbursed"),
    "loan.disbursement_rejected": _l("Disbursement rejected by the bank"),
    "receipt.set_aside": _l("Receipt set aside"),
    "loan.repaid": _l("Repayment received"),
    "loan.prepayment_agreed": _l("Prepayment agreed"),
    "loan.prepaid": _l("Prepayment received"),
    "loan.settled": _l("Loan settled"),
    "company.export_asked": _l("Export of the company asked for"),
    "company.export_downloaded": _l("Export of the company downloaded"),
    "product.added": _l("Product added"),
    "product.activated": _l("Product offered again"),
    "product.deactivated": _l("Product no longer offered"),
}


def act_label(act: str) -> LazyString | str:
    """The name of an act, or its code if it has none yet."""
    return _LABELS.get(act, act)
