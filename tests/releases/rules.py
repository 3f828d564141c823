"""What a revision may do while the release before it still serves: expand first, contract only what nobody uses.

The database's grammar and most rules are squawk's; which of them hold for small schemas that are moved one by one, what
to do instead, and how a revision says that it contracts, is decided here.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trilend.tenancy.migration.steps import Step

_RELEASES = Path(__file__).parent
_SQUAWK = Path(sys.executable).parent / "squawk"

_CONTRACT = "and say in the revision `contracts_since` which kept release was the first to do without."
# What takes away something that the release before may use: allowed in a revision that contracts.
CONTRACTING: Mapping[str, str] = {
    "ban-drop-column": f"Stop using the column in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-table": f"Stop using the table in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-constraint": f"Stop relying on the constraint in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-default": f"Let a release write the value itself, drop the default in a later one, {_CONTRACT}",
    "ban-drop-not-null": f"Let a release bear empty values, allow them in a later one, {_CONTRACT}",
    "ban-drop-view": f"Stop using the view in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-function": f"Stop using the function in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-sequence": f"Stop using the sequence in one release, drop it in a later one, {_CONTRACT}",
    "ban-drop-type": f"Stop using the type in one release, drop it in a later one, {_CONTRACT}",
    "ban-revoke": f"Stop using the right in one release, take it away in a later one, {_CONTRACT}",
    "ban-truncate-cascade": f"Stop using the rows in one release, remove them in a later one, {_CONTRACT}",
}
# What has a way that the release before does not notice.
NEVER: Mapping[str, str] = {
    "renaming-column": "Add a column of the new name, fill it by a data step, and drop the old one in a later release.",
    "renaming-table": "Make a table of the new name, fill it by a data step, and drop the old one in a later release.",
    "changing-column-type": "Add a column of the new type, fill it by a data step, and drop the old one in a later release.",
    "adding-required-field": "Give the column a default, or add it nullable: the release before does not fill it.",
    "adding-field-with-default": "Add the column without a default and fill it by a data step: this one rewrites the table.",
    "adding-not-nullable-field": "Add CHECK (… IS NOT NULL) NOT VALID, fill by a data step, VALIDATE in the next revision.",
    "constraint-missing-not-valid": "Add the constraint NOT VALID, and VALIDATE it in the next revision.",
    "adding-foreign-key-constraint": "Add the foreign key NOT VALID, and VALIDATE it in the next revision.",
    "ban-concurrent-index-creation-in-transaction": "Leave CONCURRENTLY out: a step is a transaction, and schemas are small.",
    "ban-disable-trigger": "A data step keeps to the rules of the tables it writes to: leave its triggers on.",
    "ban-set-schema": "A revision works in one schema only.",
    "ban-drop-database": "A revision works in one schema only.",
    "ban-drop-schema": "A revision works in one schema only.",
    "transaction-nesting": "Leave BEGIN and COMMIT out: the step is a transaction, with its record in it.",
    "syntax-error": "The database would not take this.",
}
# Of squawk's other rules, those on indexes and unique constraints ask for CONCURRENTLY: an index on a tenant's table is
# made in milliseconds within the lock time-out that every step has, and a step is one transaction.
_OPT_IN = (
    "ban-drop-view",
    "ban-drop-function",
    "ban-drop-sequence",
    "ban-drop-type",
    "ban-revoke",
    "ban-disable-trigger",
    "ban-set-schema",
)


@dataclass(frozen=True)
class Breach:
    """A rule that a revision breaks, by which statement, and what to do instead."""

    rule: str
    statement: str
    instead: str


def breaches(step: Step) -> Sequence[Breach]:
    """What speaks against a step; nothing for one that may be taken while the release before serves."""
    contracts = _contracts(step.contracts_since)
    found = []
    for complaint in _complaints(step.sql):
        rule = complaint["rule_name"]
        statement = _statement_at(step.sql, complaint["line"])
        instead = NEVER.get(rule) or ("" if contracts else CONTRACTING.get(rule, ""))
        indexed = rule == "constraint-missing-not-valid" and not {"FOREIGN", "CHECK"} & set(statement.upper().split())
        if instead and not indexed and rule not in step.excused:
            found.append(Breach(rule, statement, instead))
    if step.contracts_since and not contracts:
        found.append(Breach("unknown-release", "", f"`contracts_since` names a release kept in {_RELEASES.name}/."))
    return found


def _contracts(since: str) -> bool:
    """Whether a revision names a release that is kept: that one has been out before this revision."""
    return bool(since) and (_RELEASES / since).is_dir()


def _complaints(sql: str) -> Sequence[Mapping[str, object]]:
    command = [str(_SQUAWK), "--reporter", "json", "--pg-version", "18", "--assume-in-transaction"]
    command += [f"--include={rule}" for rule in _OPT_IN]
    ended = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    answer: Sequence[Mapping[str, object]] = json.loads(ended.stdout)
    return answer


def _statement_at(sql: str, line: object) -> str:
    """The statement that begins on (or after) a line, counted from 0, in one line."""
    rest = "\n".join(sql.splitlines()[int(str(line)) :])
    return " ".join(rest.split(";")[0].split())
