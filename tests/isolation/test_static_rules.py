"""Rules on the source that keep walls whole: who may open the database by himself, and what is remembered between requests."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("platform/trilend", "tenants", "integrations", "sandbox", "plugins/trilend_sdk")
OPEN_TO_ALL = ("platform/trilend/db/", "platform/trilend/tenancy/")

RAW = frozenset(
    {
        *("create_engine", "open_engine", "engine_of", "in_scope", "report_engine", "raw_connection"),
        *(
            "owner_connection",
            "RegistrySession",
            "psycopg.connect",
            "psycopg.Connection.connect",
            "psycopg.AsyncConnection.connect",
        ),
        *(
            "psycopg_pool",
            "psycopg.Connection.connect",
            "NullPool",
            "QueuePool",
            "SharedPool",
            "Scope",
            "driver_connection",
            "dbapi_connection",
        ),
    }
)
"""What reaches the database past `tenant_session`."""

ALLOWED: Mapping[str, tuple[frozenset[str], str]] = {
    "platform/trilend/archives/carrying.py": (
        frozenset({"owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/closing.py": (
        frozenset({"RegistrySession", "owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/earlier.py": (
        frozenset({"owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/export.py": (
        frozenset({"RegistrySession", "owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/landing.py": (
        frozenset({"RegistrySession", "owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/moving.py": (
        frozenset({"RegistrySession", "owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/passages.py": (
        frozenset({"RegistrySession", "owner_connection"}),
        "carries whole companies, as the owner",
    ),
    "platform/trilend/archives/restoring.py": (
        frozenset({"RegistrySession", "psycopg.connect"}),
        "reads a company from a server that an operator restored",
    ),
    "platform/trilend/archives/requests.py": (
        frozenset({"RegistrySession"}),
        "what is carried is recorded in the registry",
    ),
    "platform/trilend/archives/tasks.py": (
        frozenset({"RegistrySession"}),
        "what is carried is recorded in the registry",
    ),
    "platform/trilend/archives/views.py": (
        frozenset({"RegistrySession"}),
        "what is carried is recorded in the registry",
    ),
    "platform/trilend/auditing/anchors.py": (
        frozenset({"RegistrySession"}),
        "signed ends are kept in the registry too, out of the company's reach",
    ),
    "platform/trilend/cli/archives.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/cli/lifecycle.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/company/inspection.py": (
        frozenset({"RegistrySession"}),
        "what operators do with papers is logged in the registry",
    ),
    "platform/trilend/company/papers.py": (
        frozenset({"RegistrySession"}),
        "the registry lists which papers wait, not what is on them",
    ),
    "platform/trilend/company/views.py": (
        frozenset({"RegistrySession"}),
        "plan, domains and the operators' log of a company are the registry's",
    ),
    "platform/trilend/company/watch.py": (
        frozenset({"RegistrySession"}),
        "looks for papers and domains that are due in the registry",
    ),
    "platform/trilend/company/well_known.py": (
        frozenset({"RegistrySession"}),
        "the proof of a domain is the registry's",
    ),
    "platform/trilend/console/archives.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/console/company_views.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/console/fleet.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/console/jobs.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/jobs/dead_letters.py": (
        frozenset({"RegistrySession"}),
        "lists the platform's failed jobs, and which tenants have some",
    ),
    "platform/trilend/jobs/metrics.py": (frozenset({"RegistrySession"}), "counts jobs as the registry's hints say"),
    "platform/trilend/jobs/rounds.py": (frozenset({"RegistrySession"}), "jobs of the platform lie in the registry"),
    "platform/trilend/jobs/runs.py": (frozenset({"RegistrySession"}), "jobs of the platform lie in the registry"),
    "platform/trilend/jobs/watch.py": (frozenset({"RegistrySession"}), "the hints where work is are the registry's"),
    "platform/trilend/messages/smtp.py": (
        frozenset({"RegistrySession"}),
        "what was handed over to the mail server is the registry's",
    ),
    "platform/trilend/storage/master.py": (frozenset({"RegistrySession"}), "data keys lie in the registry"),
    "platform/trilend/storage/seals.py": (frozenset({"RegistrySession"}), "data keys lie in the registry"),
    "platform/trilend/storage/rotation.py": (frozenset({"RegistrySession"}), "data keys lie in the registry"),
    "platform/trilend/web/health.py": (frozenset({"RegistrySession"}), "readiness asks whether the registry answers"),
    "platform/trilend/signup/service.py": (frozenset({"RegistrySession"}), "who signs up has no tenant yet"),
    "platform/trilend/signup/making.py": (frozenset({"RegistrySession"}), "who signs up has no tenant yet"),
    "platform/trilend/signup/views.py": (frozenset({"RegistrySession"}), "who signs up has no tenant yet"),
    "platform/trilend/messages/service.py": (frozenset({"RegistrySession"}), "the outbox is the registry's"),
    "platform/trilend/console/views.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/cli/tenants.py": (frozenset({"RegistrySession"}), "operators work on the registry"),
    "platform/trilend/embedded/postgres.py": (frozenset({"psycopg.connect"}), "asks whether its own server is up"),
    "platform/trilend/embedded/stack.py": (
        frozenset({"RegistrySession", "psycopg.connect"}),
        "makes the database of one machine and its operator",
    ),
    "platform/trilend/embedded/demo.py": (
        frozenset({"RegistrySession", "psycopg.connect"}),
        "removes a demo company that was half made",
    ),
}
"""By file: what it may use, and why. A new line here is a new hole that somebody has to want."""

REMEMBERED: Mapping[str, str] = {
    "platform/trilend/access/unrecorded.py:_valkey": "the connection to Valkey; the keys begin with the tenant",
    "platform/trilend/api/rates.py:_script": "the connection to Valkey, and the text of a script",
    "platform/trilend/access/passwords.py:hash_of_nothing": "a hash that no password has",
    "platform/trilend/app.py:_template_folders": "folders of the code",
    "platform/trilend/app.py:create_tenant_app": "the application of all tenants; holds no rows",
    "platform/trilend/config.py:settings": "the installation's settings",
    "platform/trilend/documents/typesetting.py:_font_folder": "fonts and templates of the code",
    "platform/trilend/jobs/running.py:_after_failure": "functions of the code, filled at import",
    "platform/trilend/lists/grammar.py:_lists": "declarations of the code",
    "platform/trilend/notices/sorts.py:_sorts": "declarations of the code",
    "platform/trilend/search/service.py:_sources": "declarations of the code",
    "platform/trilend/search/words.py:_pinyin": "a library and its table of characters",
    "platform/trilend/jobs/handlers.py:_handlers": "functions by name, filled at import",
    "platform/trilend/jobs/leases.py:_held": "jobs this process works on, by their leases' tokens",
    "platform/trilend/jobs/leases.py:_keeper": "the one thread that prolongs leases",
    "platform/trilend/jobs/metrics.py:_installed": "whether figures are told",
    "platform/trilend/jobs/forgetting.py:_holders": "declarations of the code",
    "platform/trilend/jobs/rounds.py:_begun": "the platform's own jobs",
    "platform/trilend/jobs/rounds.py:_rounds": "the platform's own jobs",
    "platform/trilend/jobs/schedules.py:_declared": "declarations of the code",
    "platform/trilend/jobs/wake.py:_broker": "the connection to the broker",
    "platform/trilend/storage/keys.py:_looked_up": "keyed by tenant and number",
    "platform/trilend/storage/keys.py:_unwrapped": "keyed by the tenant's wrapped key, which no two tenants share",
    "platform/trilend/storage/sweeping.py:_claims": "declarations of the code",
    "platform/trilend/storage/sweeping.py:_passing": "declarations of the code",
    "platform/trilend/tenancy/door.py:_is_behind": "keyed by kind and revision",
    "platform/trilend/tenancy/plans/calls.py:_known": "keyed by tenant",
    "platform/trilend/tenancy/plans/calls.py:_waiting": "keyed by tenant",
    "platform/trilend/tenancy/plans/service.py:_held": "plans by name, which hold nothing of a tenant",
    "platform/trilend/tenancy/plans/service.py:_measures": "functions of the code",
    "platform/trilend/web/health.py:_arrived": "whether this process was ready once",
    "platform/trilend/kinds.py:kinds": "kinds that are installed",
    "platform/trilend/identity/leaving.py:_endings": "functions of the code",
    "platform/trilend/identity/administrators.py:_guards": "functions of the code",
    "platform/trilend/organization/scope.py:_options": "keyed by kind, models and all ids a condition holds; no rows",
    "platform/trilend/plugin_host/catalogue.py:hooks_of": "plugins that are installed",
    "platform/trilend/plugin_host/catalogue.py:installed": "plugins that are installed",
    "platform/trilend/storage/keys.py:_derived": "keyed by the tenant's wrapped key, which no two tenants share",
    "platform/trilend/tenancy/blueprint.py:_source": "the one function that makes blueprints",
    "platform/trilend/tenancy/migration/seals.py:_source": "a function of the code, named at import",
    "platform/trilend/tenancy/blueprint.py:blueprint_of": "keyed by kind; holds no rows of anybody",
    "platform/trilend/tenancy/context.py:_engine_for": "keyed by server and cell; bound to a tenant only per transaction",
    "platform/trilend/tenancy/context.py:_registry_engine": "the registry's",
    "platform/trilend/tenancy/migration/steps.py:branch": "revisions of the code",
    "platform/trilend/tenancy/servers.py:_cell_url": "keyed by server and cell",
    "platform/trilend/tenancy/servers.py:_engines": "keyed by server and cell; bound to a tenant only per transaction",
    "platform/trilend/tenancy/service.py:_cache": "keyed by subdomain, which no two tenants share, for five seconds",
    "platform/trilend/web/assets.py:_packed": "files of the code",
    "platform/trilend/web/assets.py:content_stamp": "files of the code",
    "platform/trilend/web/assets.py:icon_names": "files of the code",
    "platform/trilend/wiring.py:_voice": "translations of the code",
    "platform/trilend/wiring.py:load": "kinds that are installed",
    "plugins/trilend_sdk/hooks.py:facts": "specifications of the code",
    "plugins/trilend_sdk/hooks.py:hooks_of_topic": "specifications of the code",
    "plugins/trilend_sdk/hooks.py:topics": "specifications of the code",
    "plugins/trilend_sdk/schemas.py:payloads": "specifications of the code",
    "integrations/trilend_pyhanko/glyphs.py:_fonts": "a font of the code",
    "integrations/trilend_pyhanko/glyphs.py:_glyph": "a font of the code",
}
"""All that outlives a request in a process, and why no tenant can meet another's in it."""

PAST_SCOPE: Mapping[str, str] = {
    "platform/trilend/organization/audience.py": "finds out who sees something, whoever asks",
    "platform/trilend/organization/departments.py": "a department that closes hands all it holds over",
    "platform/trilend/organization/handing_over.py": "who leaves leaves nothing behind; else the sight is a condition there",
    "platform/trilend/organization/people.py": "who moves takes all customers along; nobody leaves with some",
    "platform/trilend/parties/service.py": "whether an identifier is taken",
    "tenants/trilend_microfinance/applications/service.py": "whether a number is taken",
    "tenants/trilend_microfinance/applications/telling.py": "who is told is decided by what each of them sees",
}
"""By file: why it may look past what the person who asks may see."""

TABLES_OF_SCOPED: Mapping[str, str] = {
    "platform/trilend/organization/scope.py": "the one place that holds queries to what is seen",
    "platform/trilend/organization/sight.py": "finds out where people work",
    "platform/trilend/organization/handing_over.py": "INSERT … SELECT with the sight as a condition",
    "platform/trilend/parties/models.py": "the condition of what hangs on a customer",
    "tenants/trilend_microfinance/servicing/models.py": "the condition of what hangs on a loan",
}
"""By file: why it may name tables of models, which the session cannot hold to what is seen."""

_REGISTRYS = frozenset({"RegistryAnchor", "Plan"})
_EMPTY_CALLS = frozenset(
    {"dict", "list", "set", "defaultdict", "Counter", "deque", "OrderedDict", "local"}
) | frozenset({"WeakKeyDictionary", "WeakValueDictionary", "TTLCache", "LRUCache"})


def sources() -> Iterator[tuple[str, ast.Module]]:
    for root in ROOTS:
        for file in sorted((ROOT / root).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def raw_uses(tree: ast.Module) -> set[str]:
    """Names from RAW that a module uses, whichever way it imports them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names} & RAW
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & RAW
            found |= {str(node.module).split(".")[0]} & RAW
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & RAW
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} & RAW
            found |= {ast.unparse(node)} & RAW
    return found


def remembered(path: str, tree: ast.Module) -> set[str]:
    """Functions with a cache, and empty containers of a module that are there to be filled."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {ast.unparse(decorator).split("(")[0].split(".")[-1] for decorator in node.decorator_list}
            if names & {"cache", "lru_cache", "cached", "memoize"}:
                found.add(f"{path}:{node.name}")
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if targets and _is_to_be_filled(node.value):  # type: ignore[union-attr]
            found |= {f"{path}:{ast.unparse(target)}" for target in targets}
    return found


def _is_to_be_filled(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List):
        return not value.elts
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).split(".")[-1] in _EMPTY_CALLS and not value.args
    return False


def past_scope_uses(tree: ast.Module) -> bool:
    """Whether a module looks past the scope, or marks a query as not to be held to it."""
    names = {"past_scope", "LOOKING_UP", "trilend_looking_up_sight"}
    return any(
        (isinstance(node, ast.ImportFrom) and names & {alias.name for alias in node.names})
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Constant) and node.value in names)
        for node in ast.walk(tree)
    )


def goes_around_scope(tree: ast.Module, tables: frozenset[str]) -> set[str]:
    """What in a module reads or changes scoped tables where the session cannot see it: SQL as text, and tables of models."""
    naming = re.compile(rf"\b(?:from|join|into|update)\s+(?:only\s+)?(?:{'|'.join(sorted(tables))})\b", re.IGNORECASE)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "__table__" and ast.unparse(node.value) not in _REGISTRYS:
            found.add(ast.unparse(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and naming.search(node.value):
            found.add(" ".join(node.value.split())[:60])
    return found


def scoped_tables() -> frozenset[str]:
    import trilend.wiring
    from trilend.organization.scope import mapped

    trilend.wiring.load()
    return frozenset(model.__table__.name for model in mapped())  # type: ignore[attr-defined]


def _declares_tables(path: str) -> bool:
    """Migrations are frozen and run as the owner; kinds list their tables; models say what reports may read of theirs."""
    return "/revisions/" in path or path.endswith(("/kind.py", "/identity/models.py"))


def test_nothing_goes_around_what_a_person_may_see() -> None:
    tables = scoped_tables()
    assert {"party", "loan", "loan_application", "loan_event", "document", "envelope"} <= tables
    found = {
        path: around
        for path, tree in sources()
        if path.startswith(("platform/trilend/", "tenants/"))
        and not _declares_tables(path)
        and (around := goes_around_scope(tree, tables))
    }
    assert {path: found[path] for path in found if path not in TABLES_OF_SCOPED} == {}, "select the models instead"
    assert {path for path in TABLES_OF_SCOPED if path not in found} == set(), "this is no longer there"


def test_who_looks_past_the_scope_says_why() -> None:
    found = {path for path, tree in sources() if past_scope_uses(tree)} - {
        "platform/trilend/organization/scope.py",
        "platform/trilend/organization/sight.py",
    }
    assert found == PAST_SCOPE.keys()


@pytest.mark.parametrize(
    "code",
    [
        "session.execute(text('SELECT id FROM loan'))",
        "SQL = 'UPDATE party SET owner_id = 1'",
        "session.execute(select(Loan.__table__.c.id))",
        "SQL = 'SELECT 1 FROM a JOIN  loan_application ON true'",
    ],
)
def test_the_rule_sees_each_way_around_the_scope(code: str) -> None:
    assert goes_around_scope(ast.parse(code), frozenset({"loan", "party", "loan_application"}))


def test_only_db_and_tenancy_open_the_database_and_others_by_name() -> None:
    used = {path: raw_uses(tree) for path, tree in sources() if not path.startswith(OPEN_TO_ALL)}
    surplus = {
        path: names - ALLOWED.get(path, (frozenset(), ""))[0]
        for path, names in used.items()
        if names - ALLOWED.get(path, (frozenset(), ""))[0]
    }
    assert surplus == {}, "use tenant_session, or add the file to ALLOWED with a reason"


def test_nothing_is_allowed_that_is_no_longer_used() -> None:
    used = {path: raw_uses(tree) for path, tree in sources()}
    assert {
        path: sorted(names - used.get(path, set()))
        for path, (names, _) in ALLOWED.items()
        if names - used.get(path, set())
    } == {}


def test_what_outlives_a_request_is_known_and_cannot_mix_tenants() -> None:
    found: set[str] = set()
    for path, tree in sources():
        found |= remembered(path, tree)
    assert found - REMEMBERED.keys() == set(), "say in REMEMBERED why no tenant can meet another's here"
    assert REMEMBERED.keys() - found == set(), "this is no longer there"


@pytest.mark.parametrize(
    "code",
    [
        "from sqlalchemy import create_engine",
        "import sqlalchemy as sa\nsa.create_engine('x')",
        "import psycopg\npsycopg.connect('x')",
        "from psycopg import connect",
        "from trilend.tenancy.servers import engine_of as e",
        "from trilend.tenancy import servers\nservers.owner_connection('x')",
        "from trilend.tenancy.context import RegistrySession",
        "def f(session): return session.connection().connection.driver_connection",
        "def f(engine): return engine.raw_connection()",
        "import psycopg_pool",
        "import psycopg\npsycopg.Connection.connect('x')",
    ],
)
def test_the_rule_sees_each_way_to_the_database(code: str) -> None:
    assert raw_uses(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import functools\n@functools.lru_cache(maxsize=10)\ndef f(x): return x",
        "from functools import cache\nclass A:\n    @cache\n    def f(self): return 1",
        "_seen = {}",
        "_seen: dict[str, int] = {}",
        "_seen = set()",
        "from collections import defaultdict\n_seen = defaultdict()",
    ],
)
def test_the_rule_sees_each_memory(code: str) -> None:
    assert remembered("x.py", ast.parse(code))


def test_the_key_cache_keeps_tenants_apart(scene: object) -> None:
    from tests.isolation.conftest import Scene

    from trilend.storage.keys import index_key, tenant_key
    from trilend.tenancy.context import FIRST_KEY, bound

    assert isinstance(scene, Scene)
    keys = set()
    for tenant in (scene.attacker, scene.neighbour, scene.stranger):
        with bound(tenant):
            keys |= {tenant_key(purpose, FIRST_KEY) for purpose in ("field", "object", "secret")} | {index_key()}
    assert len(keys) == 12
