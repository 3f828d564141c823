"""`trilend audit verify` says of each company whether its log is as it was written."""

import json
import os
import subprocess
import sys
from typing import Any

from sqlalchemy.orm import Session
from tests.flow.auditing.conftest import Attack, write


def verify(installation: Any, *arguments: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "trilend.cli", "audit", "verify", *arguments],
        env=os.environ | installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout or ran.stderr


def test_a_log_that_is_intact(session: Session, tenant: Any, installation: Any) -> None:
    write(session, "one", "two")
    code, answer = verify(installation, "--tenant", tenant.slug, "--json")

    assert code == 0
    assert json.loads(answer) == {
        "checked": 1,
        "broken": 0,
        "tenants": [
            {
                "tenant": tenant.slug,
                "lines": 2,
                "intact": 2,
                "anchored": 0,
                "anchored_at": None,
                "anchored_by": None,
                "by_authority": False,
                "problem": None,
            }
        ],
    }
    assert verify(installation, "--tenant", tenant.slug) == (0, f"{tenant.slug}: 2 lines, intact, not signed yet\n")


def test_a_log_that_was_changed(session: Session, tenant: Any, installation: Any, attack: Attack) -> None:
    write(session, "one", "two", "three")
    attack("UPDATE audit_entry SET reason = '别的原因' WHERE act = 'two'")
    code, answer = verify(installation, "--tenant", tenant.slug, "--json")

    assert code == 1
    (found,) = json.loads(answer)["tenants"]
    assert (found["intact"], found["problem"]["number"], found["problem"]["kind"]) == (1, 2, "changed")
    code, answer = verify(installation)
    assert code == 1
    assert f"{tenant.slug}: no. 2 changed: it does not give its hash" in answer


def test_a_company_that_is_not_there(installation: Any) -> None:
    code, answer = verify(installation, "--tenant", "nobody-is-here")
    assert code == 1
    assert "Error" in answer
