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
    "person.added": _l("Person added"),
    "person.changed": _l("Person changed"),
    "person.removed": _l("Person removed"),
    "person.password_set": _l("Password set"),
    "person.password_chosen": _l("Own password chosen"),
    "person.signed_out": _l("Signed out by an administrator"),
    "person.unlocked": _l("Lock lifted"),
    "person.app_added": _l("App for codes set up"),
    "person.app_removed": _l("App for codes removed"),
    "person.passkey_added": _l("Passkey added"),
    "person.passkey_removed": _l("Passkey removed"),
    "person.joined": _l("Account made by the company's sign-in service"),
    "person.linked": _l("Account linked with the company's sign-in service"),
    "sign_in.locked": _l("Locked after too many failed tries"),
    "sign_in_rules.changed": _l("Rules for signing in changed"),
    "sign_in_provider.changed": _l("The company's sign-in service changed"),
    "role.added": _l("Role added"),
    "role.changed": _l("Role changed"),
    "role.removed": _l("Role removed"),
    "audit.exported": _l("Audit log exported"),
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
    "company.paper_submitted": _l("Paper sent to the operator of the platform"),
    "company.paper_inspected": _l("Paper looked at by the operator of the platform"),
    "company.paper_accepted": _l("Paper accepted by the operator of the platform"),
    "company.paper_rejected": _l("Paper sent back by the operator of the platform"),
    "product.deactivated": _l("Product no longer offered"),
}

_SUBJECTS: dict[str, LazyString] = {
    "party": _l("Customer"),
    "connection": _l("Connection"),
    "plugin": _l("Plugin"),
    "parameter": _l("Figure"),
    "api_client": _l("API client"),
    "person": _l("Person"),
    "role": _l("Role"),
    "sign_in_rules": _l("Rules for signing in"),
    "sign_in_provider": _l("Sign-in service"),
    "audit_log": _l("Audit log"),
    "loan_application": _l("Application"),
    "loan": _l("Loan"),
    "product": _l("Loan product"),
    "stored_object": _l("Stored file"),
    "statement_entry": _l("Entry of the bank statement"),
    "import_batch": _l("Import"),
}

_FIELDS: dict[str, LazyString] = {
    "name": _l("Name"),
    "kind": _l("Kind"),
    "identifier": _l("Identifier"),
    "identifier_doubtful": _l("Identifier to be verified"),
    "mobile": _l("Mobile"),
    "legal_representative": _l("Legal representative"),
    "account_number": _l("Bank account"),
    "account_bank": _l("Bank"),
    "value": _l("Value"),
    "unit": _l("Unit"),
    "effective_from": _l("In force from"),
    "effective_to": _l("In force until"),
    "jurisdiction": _l("Jurisdiction"),
    "legal_basis": _l("Basis"),
    "verified": _l("Checked against the text"),
    "active": _l("In use"),
    "allowed": _l("Allowed"),
    "state": _l("State"),
    "client_id": _l("Client id"),
    "first_name": _l("Full name"),
    "username": _l("User name"),
    "address": _l("Address"),
    "second_factor": _l("Second factor"),
    "grace_days": _l("Days to set it up"),
    "idle_minutes": _l("Minutes without use"),
    "session_hours": _l("Hours until signing in anew"),
    "password_length": _l("Shortest password (characters)"),
    "passwords_allowed": _l("Passwords allowed"),
    "label": _l("Name"),
    "issuer": _l("Issuer"),
    "scopes": _l("What it may do"),
    "makes_accounts": _l("Makes accounts"),
    "secret_renewed": _l("New secret"),
    "email": _l("E-mail"),
    "roles": _l("Roles"),
    "permissions": _l("Permissions (only those that changed)"),
    "code": _l("Short code"),
    "number": _l("Number"),
    "amount": _l("Amount"),
    "value_date": _l("Value date"),
    "reference": _l("Bank reference"),
    "field": _l("Field"),
    "plugin": _l("Plugin"),
    "subject": _l("Subject of the certificate"),
    "ok": _l("Successful"),
    "rows": _l("Lines"),
    "envelope": _l("Envelope"),
    "signatory": _l("Signatory"),
    "effect": _l("Effect"),
    "method": _l("Method"),
    "min_amount": _l("Smallest amount"),
    "max_amount": _l("Largest amount"),
    "min_periods": _l("Fewest periods"),
    "max_periods": _l("Most periods"),
    "annual_rate": _l("Annual rate"),
}


def act_label(act: str) -> LazyString | str:
    """The name of an act, or its code if it has none yet."""
    return _LABELS.get(act, act)


def subject_label(subject_type: str) -> LazyString | str:
    """What kind of thing a line is about."""
    return _SUBJECTS.get(subject_type, subject_type)


def field_label(field: str) -> LazyString | str:
    """The name of a field that changed; parts of settings keep the code after their dot."""
    head, dot, part = field.partition(".")
    if dot:
        return f"{_GROUPS.get(head, head)} · {part}"
    return _FIELDS.get(field, field)


_GROUPS: dict[str, LazyString] = {"config": _l("Setting"), "secrets": _l("Secret"), "group_roles": _l("Roles by group")}


PROBLEMS: dict[str, LazyString] = {
    "changed": _l("a line was changed"),
    "missing": _l("a line is missing"),
    "added": _l("a line was put in"),
    "reordered": _l("lines have changed places"),
    "truncated": _l("the newest lines are missing"),
    "rewritten": _l("the log was written anew"),
    "anchor": _l("a signature is not right"),
}
"""What a check of the chain can find, for pages."""
