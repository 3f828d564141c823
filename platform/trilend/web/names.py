"""What a thing from the database is called on a page; areas register how their own things are named."""

import re
from functools import singledispatch

_CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


@singledispatch
def name_of(thing: object) -> str:
    """The name of a thing in the language of the request; its own text unless an area has registered more."""
    return str(thing)


def full_name(given: str, family: str) -> str:
    """A person's name as it is written: a Chinese one with the family name first and no space, any other the other way."""
    parts = (family, given) if _CHINESE.search(given + family) else (given, family)
    return ("" if parts[0] == family else " ").join(part.strip() for part in parts if part and part.strip())
