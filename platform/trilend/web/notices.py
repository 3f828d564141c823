"""What a page says after an act: a sentence, and where the act is cheap to take back, the button that does."""

from collections.abc import Mapping

from flask import flash

UNDO = "undo"


def flash_undo(message: str, url: str, fields: Mapping[str, str] | None = None) -> None:
    """Say on the next page what was done, with a button that posts `fields` to `url` and so takes it back.

    For acts that cost nothing to repeat: whoever presses it needs the right to that address as well.
    """
    flash({"text": message, "url": url, "fields": dict(fields or {})}, UNDO)  # type: ignore[arg-type]
