"""Accounts, journals and their lines; the database itself refuses what does not balance or would change history."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase, Yuan

_BALANCE_RULE = (
    """
    CREATE FUNCTION check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      debits numeric; credits numeric; announced numeric;
    BEGIN
      SELECT coalesce(sum(debit), 0), coalesce(sum(credit), 0) INTO debits, credits
        FROM journal_line WHERE journal_id = NEW.journal_id;
      SELECT total INTO announced FROM journal WHERE id = NEW.journal_id;
      IF debits <> credits OR debits <> announced THEN
        RAISE EXCEPTION 'journal % does not balance: % debit, % credit, % announced',
          NEW.journal_id, debits, credits, announced USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NULL;
    END $$""",
    "CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON journal_line DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION check_journal()",
)
_EMPTY_RULE = (
    """
    CREATE FUNCTION check_journal_has_lines() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NOT EXISTS (SELECT 1 FROM journal_line WHERE journal_id = NEW.id) THEN
        RAISE EXCEPTION 'journal % has no lines', NEW.id USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NULL;
    END $$""",
    "CREATE CONSTRAINT TRIGGER has_lines AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION check_journal_has_lines()",
)


class AccountType(StrEnum):
    """Which side an account grows on, and in which statement it stands."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Account(TenantBase):
    """An account (科目) of the tenant's chart."""

    __tablename__ = "account"
    __table_args__ = {"info": {"reports": True}}

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[AccountType] = mapped_column(String(16))


class Journal(Created, TenantBase):
    """A journal entry (凭证): `key` makes it happen once, `total` is the sum of either side."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("journal_date", "business_date"),
        Index("journal_source", "source_type", "source_id"),
        {"info": {"append_only": True, "ddl": _EMPTY_RULE, "reports": True}},
    )

    id: Mapped[BigKey]
    key: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    business_date: Mapped[date]
    value_date: Mapped[date]
    source_type: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[int]
    memo: Mapped[str] = mapped_column(String(200), default="")
    total: Mapped[Yuan]


class JournalLine(TenantBase):
    """One side of a journal on one account."""

    __tablename__ = "journal_line"
    __table_args__ = (
        CheckConstraint("debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)"),
        Index("journal_line_account", "account_code"),
        {"info": {"append_only": True, "ddl": _BALANCE_RULE, "reports": True}},
    )

    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_code: Mapped[str] = mapped_column(ForeignKey("account.code"))
    debit: Mapped[Yuan] = mapped_column(default=Decimal(0))
    credit: Mapped[Yuan] = mapped_column(default=Decimal(0))
