"""Every text that a person can see speaks Chinese, and none is written past the catalogues."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from flask_babel import gettext
from jinja2 import Environment, nodes

from trilend.audit.labels import act_label
from trilend.identity.labels import ACTS, SUBJECTS
from trilend.web import catalogs
from trilend.wiring import speaking

ROOT = Path(__file__).parents[3]
PACKAGES = catalogs.packages(ROOT)
LANGUAGES = (catalogs.HAND_WRITTEN, catalogs.DERIVED)

# The pages on which builders look at the widgets; no customer reaches them.
GALLERY = ("/gallery/", "/gallery.py")
# Written the same in every language: the product, the standard, and how the number of a loan begins.
NAMES = frozenset({"Trilend", "OpenAPI", "DK"})
TRANSLATE = frozenset({"_", "gettext", "ngettext", "pgettext", "npgettext"})
SPOKEN_ATTRIBUTES = frozenset(
    {
        "aria-label",
        "aria-description",
        "aria-roledescription",
        "aria-valuetext",
        "placeholder",
        "title",
        "alt",
        "label",
        "data-confirm-title",
        "data-confirm-text",
        "data-confirm-label",
        "data-label",
        "data-unit",
    }
)
# What a person reads of these is their first argument, or one of the keywords.
SPEAKING_CALLS = re.compile(
    r"flash|flash_undo|NotFound|Refused|Invalid|ValidationError|StopValidation|InputRequired|DataRequired|Optional|"
    r"Length|NumberRange|Regexp|Email|EqualTo|AnyOf|NoneOf|MenuEntry|MenuGroup|NavGroup|NavItem|\w+Field"
)
# Their first argument is a bound or a pattern; what they say is the keyword.
SPEAKING_BY_KEYWORD = re.compile(r"Length|NumberRange|Regexp|EqualTo|AnyOf|NoneOf|Optional")
# What a page of Flask-AppBuilder is called is set on its class.
SPEAKING_NAMES = re.compile(r"\w*(?:title|label|message|description)s?(?:_columns)?|label_columns|description_columns")
# Blocks that fill in an attribute of a tag, not text.
ATTRIBUTE_BLOCKS = ("_class", "_attributes")
ATTRIBUTE_MACROS = frozenset({"ask"})
SPEAKING_KEYWORDS = frozenset({"label", "description", "message"})
EXPRESSION = "\N{OBJECT REPLACEMENT CHARACTER}"

_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%(?![%(])[a-z]")
_CJK = r"[\u3400-\u9fff]"
_HALF_WIDTH = re.compile(rf"{_CJK}[,:;()?!.]|[,:;()?!]{_CJK}")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"[A-Z][a-z]+(?: [a-z]+)+|[\u3400-\u9fff]")

packages = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
languages = pytest.mark.parametrize("language", LANGUAGES)


def catalogue(package: Path, language: str) -> Catalog:
    with catalogs.catalogue_file(package, language).open("rb") as stored:
        return read_po(stored, locale=language)


def messages(package: Path, language: str) -> Iterator[Message]:
    return (message for message in catalogue(package, language) if message.id)


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def sources(package: Path, *endings: str) -> Iterator[Path]:
    for ending in endings:
        for file in sorted(package.rglob(f"*{ending}")):
            if not any(part in file.as_posix() for part in GALLERY):
                yield file


@packages
def test_every_text_of_the_code_is_in_the_catalogues(package: Path) -> None:
    assert catalogs.faults(package) == []


@packages
@languages
def test_no_text_is_untranslated_or_doubtful(package: Path, language: str) -> None:
    found = list(messages(package, language))
    assert found != []
    assert [message.id for message in found if message.fuzzy or not all(forms(message.string or ""))] == []


@packages
@languages
def test_every_translation_keeps_the_placeholders(package: Path, language: str) -> None:
    changed = [
        message.id
        for message in messages(package, language)
        if "python-format" in message.flags
        and any(
            set(_PLACEHOLDER.findall(form)) != set(_PLACEHOLDER.findall(forms(message.id)[-1]))
            for form in forms(message.string)
        )
    ]
    assert changed == []


@packages
@languages
def test_chinese_is_punctuated_as_chinese(package: Path, language: str) -> None:
    assert [form for message in messages(package, language) for form in forms(message.string) if half_width(form)] == []


@languages
def test_a_text_that_two_packages_share_means_one_thing(language: str) -> None:
    # One process serves all kinds, and their catalogues lie on top of each other.
    meanings: dict[tuple[object, object], set[tuple[str, ...]]] = {}
    for package in PACKAGES:
        for message in messages(package, language):
            meanings.setdefault((message.id, message.context), set()).add(forms(message.string))
    assert {text: found for text, found in meanings.items() if len(found) > 1} == {}


def test_work_outside_of_requests_speaks_the_first_language() -> None:
    assert gettext("Signing code") == "Signing code"
    with speaking():
        assert gettext("Signing code") == "签署验证码"
        # From a kind's own catalogue.
        assert gettext("Say why the application is refused.") == "请填写拒绝理由。"


@packages
def test_templates_say_nothing_past_the_catalogues(package: Path) -> None:
    said = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in sources(package / "templates", ".html", ".svg", ".txt")
        for text in unmarked_in_template(file.read_text(encoding="utf-8"))
    ]
    for area in sorted(package.glob("*/templates")):
        said += [
            f"{file.relative_to(ROOT)}: {text}"
            for file in sources(area, ".html", ".svg", ".txt")
            for text in unmarked_in_template(file.read_text(encoding="utf-8"))
        ]
    assert said == []


@packages
def test_forms_and_errors_say_nothing_past_the_catalogues(package: Path) -> None:
    said = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in sources(package, ".py")
        for text in unmarked_in_code(file.read_text(encoding="utf-8"))
    ]
    assert said == []


@packages
def test_scripts_say_nothing_of_their_own(package: Path) -> None:
    said = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in sources(package, ".js")
        if "vendor" not in file.parts
        for text in unmarked_in_script(file.read_text(encoding="utf-8"))
    ]
    assert said == []


def test_every_permission_has_a_name() -> None:
    subjects, acts = set(), set()
    for package in PACKAGES:
        for file in sources(package, ".py"):
            text = file.read_text(encoding="utf-8")
            subjects |= set(re.findall(r'class_permission_name = "(\w+)"', text))
            acts |= {f"can_{name}" for name in re.findall(r'\bpermission="(\w+)"', text)}
    assert {"Parties", "Loans", "Users"} <= subjects
    assert subjects - set(SUBJECTS) == set()
    assert {"can_list", "can_decide"} <= acts
    assert acts - set(ACTS) == set()


def test_every_act_of_the_audit_log_has_a_name() -> None:
    acts = {
        act
        for package in PACKAGES
        for file in sources(package, ".py")
        for act in recorded_acts(file.read_text(encoding="utf-8"))
    }
    assert {"party.added", "loan.settled", "plugin.disallowed"} <= acts
    assert {act for act in acts if isinstance(act_label(act), str)} == set()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<p>{{ _('Loan') }}</p>", []),
        ("<p>Loan</p>", ["Loan"]),
        ("<p>贷款</p>", ["贷款"]),
        ("<p>{{ name }} – {{ amount }}: 12</p>", []),
        ("<a title='Open' href='/loans'>{{ x }}</a>", ["title: Open"]),
        ('<a aria-label="{{ _("Open") }} {{ number }}">{{ x }}</a>', []),
        ('<input placeholder="DK…" {% if x %}disabled{% endif %}>', []),
        ('<button data-confirm-title="Delete it">{{ x }}</button>', ["data-confirm-title: Delete it"]),
        ('<body data-text-failed="Failed">{{ x }}</body>', ["data-text-failed: Failed"]),
        ('<input type="submit" value="Save"><input type="hidden" value="yes">', ["value: Save"]),
        ("<p>{{ _('Press') }} <kbd>Enter</kbd></p>", []),
        ('<a class="btn {{ y }}" {% if x %}hidden{% else %}href="/{{ z }}"{% endif %}>{{ x }}</a>', []),
        ("{% set x = 'Nothing to do' %}{{ x }}", ["Nothing to do"]),
        ("{{ ui.empty_state('cash', _('Nothing to do.')) }}", []),
        ("{% block title %}Loans{% endblock %}", ["Loans"]),
        ("<script>let loan = 1</script><style>p {color: red}</style><path d='M12 4l3 3z'/>", []),
    ],
)
def test_unmarked_text_is_found_where_it_stands(template: str, expected: list[str]) -> None:
    assert list(unmarked_in_template(template)) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('flash(gettext("Saved."), "success")', []),
        ('flash("Saved.", "success")', ["Saved."]),
        ('flask.flash("Saved.")', ["Saved."]),
        ('flash_undo("Saved.", "/")', ["Saved."]),
        ('abort(404, "No such loan")', ["No such loan"]),
        ('form.name.errors.append("Too long")', ["Too long"]),
        ('rows.append("loan")', []),
        ('raise wtforms.ValidationError("Too long")', ["Too long"]),
        ('name = StringField(_l("Name"), validators=[Length(max=4, message="Too long")])', ["Too long"]),
        ('name = StringField(_l("Name"), validators=[Regexp("[a-z]+")])', []),
        ('class Loans(BaseView):\n    list_title = "Loans"', ["Loans"]),
        ('class Loans(BaseView):\n    label_columns = {"name": "Name", "kind": _l("Kind")}', ["Name"]),
        ('class Loan(Base):\n    title = "loan"', []),
        ('raise NotFound("no such loan", id=1)', ["no such loan"]),
        ('name = StringField(_l("Name"), description="As on the licence")', ["As on the licence"]),
        ('name = StringField("Name")', ["Name"]),
        ("error = Invalid(message, field=name)", []),
    ],
)
def test_unmarked_text_is_found_in_code(code: str, expected: list[str]) -> None:
    assert list(unmarked_in_code(code)) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('toast(text("textFailed"), "danger");', []),
        ('toast("That did not work.", "danger");', ["That did not work."]),
        ("note.textContent = '未保存';", ["未保存"]),
        ("/* Says it aloud. */ const box = `main [role=search]`;", []),
    ],
)
def test_unmarked_text_is_found_in_scripts(script: str, expected: list[str]) -> None:
    assert list(unmarked_in_script(script)) == expected


@pytest.mark.parametrize("text", ["金额,利息", "合计:12", "年利率(%)", "已保存.", "确定?"])
def test_half_width_punctuation_is_found(text: str) -> None:
    assert half_width(text)


@pytest.mark.parametrize("text", ["金额，利息", "30/360", "%(subject)s：%(act)s", "年利率（%）", "格式为 .xlsx 的文件"])
def test_full_width_punctuation_is_right(text: str) -> None:
    assert not half_width(text)


def half_width(text: str) -> bool:
    """Whether a Chinese character has a half-width sign beside it; the brackets of placeholders do not count."""
    return _HALF_WIDTH.search(_PLACEHOLDER.sub(EXPRESSION, text)) is not None


def unmarked_in_template(text: str) -> Iterator[str]:
    """Words in a template's own text and spoken attributes, and sentences in its expressions, outside of `_()`."""
    parsed = Environment(extensions=["jinja2.ext.i18n"]).parse(text)
    page = _Page()
    page.feed("".join(_own_text(parsed)))
    page.close()
    yield from page.said
    yield from (const for const in _constants(parsed) if _SENTENCE.search(const))


def unmarked_in_code(text: str) -> Iterator[str]:
    """Constant texts that a form field, a validator, an error or a flash would show."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            yield from (value for argument in _said_by(node) if (value := _constant(argument)) and _WORD.search(value))
        elif isinstance(node, ast.ClassDef):
            yield from _said_by_class(node)


def _said_by(call: ast.Call) -> Iterator[ast.AST]:
    """What of a call a person would read: its first argument or its keywords; the second of `abort`."""
    function = call.func
    name = (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
    words = [word.value for word in call.keywords if word.arg in SPEAKING_KEYWORDS]
    if name == "abort":
        yield from call.args[1:2]
    elif name == "append" and isinstance(function, ast.Attribute) and _constant_name(function.value) == "errors":
        yield from call.args[:1]
    elif SPEAKING_CALLS.fullmatch(name):
        yield from words if SPEAKING_BY_KEYWORD.fullmatch(name) else [*call.args[:1], *words]


def _said_by_class(node: ast.ClassDef) -> Iterator[str]:
    """Titles, labels and messages that are plain texts, or values of plain dictionaries, of a view's class."""
    if not any(_constant_name(base).endswith("View") for base in node.bases):
        return
    for line in node.body:
        names = [target.id for target in getattr(line, "targets", []) if isinstance(target, ast.Name)]
        if isinstance(line, ast.Assign) and any(SPEAKING_NAMES.fullmatch(name) for name in names):
            values = line.value.values if isinstance(line.value, ast.Dict) else [line.value]
            yield from (value for part in values if (value := _constant(part)) and _WORD.search(value))


def _constant_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def unmarked_in_script(text: str) -> Iterator[str]:
    """Words for people in the strings of a script; what a page says comes from the page, where it is translated."""
    code = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", text, flags=re.S)
    for literal in re.findall(r"""\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`""", code):
        if _SENTENCE.search(literal):
            yield literal[1:-1]


def recorded_acts(text: str) -> Iterator[str]:
    """The acts that code writes to the audit log, as far as they are written out."""
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "record" and len(call.args) > 2:
            yield from (value for node in ast.walk(call.args[2]) if (value := _constant(node)))


def _constant(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _own_text(node: nodes.Node) -> Iterator[str]:
    """The markup of a template in its order, each expression as one character."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Expr):
        yield EXPRESSION
    elif isinstance(node, nodes.Output):
        for part in node.nodes:
            yield from _own_text(part)
    elif not (
        (isinstance(node, nodes.Block) and node.name.endswith(ATTRIBUTE_BLOCKS))
        or (isinstance(node, nodes.Macro) and node.name in ATTRIBUTE_MACROS)
    ):
        for statement in node.iter_child_nodes():
            if isinstance(statement, nodes.Stmt):
                yield from _own_text(statement)


def _constants(node: nodes.Node) -> Iterator[str]:
    """Texts in expressions that are not translated."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in TRANSLATE:
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _constants(child)


class _Page(HTMLParser):
    """Collects what a page says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag if tag in {"script", "style", "kbd"} else ""
        for name, value in attrs:
            spoken = name in SPOKEN_ATTRIBUTES or name.startswith("data-text-")
            if (spoken or (name == "value" and tag == "input" and _is_button(attrs))) and _speaks(value or ""):
                self.said.append(f"{name}: {value}")

    def handle_endtag(self, tag: str) -> None:
        self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent and _speaks(data):
            self.said.append(data.strip())


def _is_button(attrs: list[tuple[str, str | None]]) -> bool:
    return dict(attrs).get("type") in {"submit", "button", "reset"}


def _speaks(text: str) -> bool:
    return any(word not in NAMES for word in _WORD.findall(text))
