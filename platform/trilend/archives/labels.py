"""What is done to companies as a whole, and how far it is, in words."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.archives.models import Act, Passage, Stage

_ACTS: dict[str, LazyString] = {
    Act.EXPORT: _l("Export"),
    Act.IMPORT: _l("Taken in from an archive"),
    Act.MOVE: _l("Move to another server"),
    Act.RESTORE: _l("Earlier state brought back"),
    Act.CLOSE: _l("Closing"),
}
_STAGES: dict[str, tuple[str, LazyString]] = {
    Stage.BEGUN: ("progress", _l("Under way")),
    Stage.ANNOUNCED: ("warning", _l("Announced")),
    Stage.SWITCHED: ("success", _l("Moved; old space is kept for a while")),
    Stage.SEALED: ("progress", _l("Being cleared away")),
    Stage.READY: ("success", _l("Ready to download")),
    Stage.DONE: ("neutral", _l("Done")),
    Stage.UNDOING: ("progress", _l("Being taken back")),
    Stage.UNDONE: ("danger", _l("Given up, nothing was changed")),
}
_EXPIRED = ("neutral", _l("Expired and removed"))
_TAKEN_BACK = ("neutral", _l("Taken back"))


def act_name(passage: Passage) -> LazyString:
    """What is done."""
    return _ACTS[passage.act]


def stage_badge(passage: Passage) -> tuple[str, LazyString]:
    """Tone and name of how far it is."""
    if passage.act == Act.EXPORT and passage.stage == Stage.DONE:
        return _EXPIRED
    if passage.act == Act.CLOSE and passage.stage == Stage.UNDONE:
        return _TAKEN_BACK
    return _STAGES[passage.stage]
