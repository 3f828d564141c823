"""The catalogues: complete for the shell, and a checker that names what is missing."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from click.testing import CliRunner

from trilend.web import catalogs, library_messages
from trilend.web.language import CATALOGUES

PLATFORM = CATALOGUES.parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one package that says three things."""
    package = tmp_path / "platform" / "trilend"
    (package / "templates").mkdir(parents=True)
    (tmp_path / "tenants").mkdir()
    (package / "loans.py").write_text(
        '_("Loan of %(sum)s", sum=1)\nngettext("%(num)d loan", "%(num)d loans", 2)\n',
        encoding="utf-8",
    )
    (package / "templates" / "page.html").write_text("<p>{{ _('Customer account') }}</p>", encoding="utf-8")
    return tmp_path


def run(repository: Path, command: str) -> tuple[int, str]:
    answer = CliRunner().invoke(catalogs.main, [command, "--root", str(repository)])
    return answer.exit_code, answer.output


def translate(repository: Path, english: str, chinese: str) -> None:
    file = catalogs.catalogue_file(repository / "platform" / "trilend", "zh_Hans")
    text = file.read_text(encoding="utf-8")
    before, after = text.split(f'msgid "{english}"', 1)
    blank = 'msgstr[0] ""' if "msgstr[0]" in after.split("\n\n")[0] else 'msgstr ""'
    filled = blank.replace('""', f'"{chinese}"')
    file.write_text(before + f'msgid "{english}"' + after.replace(blank, filled, 1), encoding="utf-8")


def test_shell_is_translated_in_full() -> None:
    ours = [fault for fault in catalogs.faults(PLATFORM) if "trilend/web/" in fault]
    assert ours == []


def test_check_names_each_message_that_is_missing(repository: Path) -> None:
    code, output = run(repository, "check")
    assert code == 1
    assert output.count("not in the catalogue, run update") == 3
    assert "trilend: not in the catalogue, run update: 'Customer account' (trilend/templates/page.html)" in output


def test_check_passes_once_everything_is_translated(repository: Path) -> None:
    assert run(repository, "update")[0] == 0
    code, output = run(repository, "check")
    assert code == 1
    assert output.count(": untranslated: ") == 3

    translate(repository, "Loan of %(sum)s", "贷款 %(sum)s")
    translate(repository, "%(num)d loan", "%(num)d 笔贷款")
    translate(repository, "Customer account", "客户账户")
    assert "Traditional Chinese is stale" in run(repository, "check")[1]
    assert run(repository, "update")[0] == 0
    assert run(repository, "check") == (0, "")

    derived = catalogs.catalogue_file(repository / "platform" / "trilend", "zh_Hant_HK").read_text(encoding="utf-8")
    assert "客戶賬戶" in derived
    assert "%(num)d 筆貸款" in derived


def test_check_refuses_a_fuzzy_message_and_a_lost_placeholder(repository: Path) -> None:
    run(repository, "update")
    translate(repository, "Loan of %(sum)s", "贷款 %(total)s")
    translate(repository, "Customer account", "客户账户")
    file = catalogs.catalogue_file(repository / "platform" / "trilend", "zh_Hans")
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("#: trilend/templates/page.html\n", "#: trilend/templates/page.html\n#, fuzzy\n"), encoding="utf-8"
    )
    output = run(repository, "check")[1]
    assert "trilend: placeholders differ: 'Loan of %(sum)s'" in output
    assert "trilend: fuzzy: 'Customer account'" in output


def test_update_keeps_translations_drops_what_is_gone_and_changes_nothing_twice(repository: Path) -> None:
    run(repository, "update")
    translate(repository, "Customer account", "客户账户")
    (repository / "platform" / "trilend" / "loans.py").write_text("", encoding="utf-8")
    run(repository, "update")
    file = catalogs.catalogue_file(repository / "platform" / "trilend", "zh_Hans")
    once = file.read_bytes()
    assert "客户账户" in once.decode()
    assert "Loan of" not in once.decode()
    run(repository, "update")
    assert file.read_bytes() == once


def test_exceptions_hold_for_every_traditional_text() -> None:
    pairs = catalogs.exceptions()
    assert ("賬户", "賬戶") in pairs
    assert len({usual for usual, _ in pairs}) == len(pairs)
    # What one line gives, no line after it takes away again.
    assert [
        usual for number, (usual, _) in enumerate(pairs) if any(usual in local for _, local in pairs[number:])
    ] == []
    for package in catalogs.packages(PLATFORM.parents[1]):
        with catalogs.catalogue_file(package, catalogs.DERIVED).open("rb") as stored:
            derived = "\n".join(str(message.string) for message in read_po(stored) if message.id)
        assert [usual for usual, _ in pairs if usual in derived] == [], package.name


def test_compile_writes_a_binary_beside_each_text(repository: Path) -> None:
    run(repository, "update")
    assert run(repository, "compile") == (0, "2\n")
    folder = repository / "platform" / "trilend" / "translations"
    assert sorted(path.parts[-3] for path in folder.rglob("*.mo")) == ["zh_Hans", "zh_Hant_HK"]


def test_every_text_of_the_user_administration_library_is_named() -> None:
    import flask_appbuilder

    keywords = dict.fromkeys(("_", "__", "gettext", "lazy_gettext", "lazy_formatter_gettext"))
    library = str(Path(flask_appbuilder.__file__).parent)
    texts = {message for _, _, message, _, _ in extract_from_dir(library, [("**.py", "python")], keywords=keywords)}
    assert texts - set(library_messages.APPBUILDER) == set()


def test_every_text_of_the_form_library_is_named() -> None:
    from wtforms.i18n import messages_path

    with (Path(messages_path()) / "wtforms.pot").open("rb") as stored:
        texts = {message.id for message in read_po(stored) if message.id}
    named = {*library_messages.APPBUILDER, *library_messages.WTFORMS, *library_messages.WTFORMS_PLURALS}
    assert texts - named == set()
