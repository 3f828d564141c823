"""What a thing from the database is called on a page; areas register how their own things are named."""

from functools import singledispatch


@singledispatch
def name_of(thing: object) -> str:
    """The name of a thing in the language of the request; its own text unless an area has registered more."""
    return str(thing)
