"""Every hook of every topic in its shortest form; README.md beside this package says why."""

from acme_paperdesk.asking import Asking
from acme_paperdesk.money import Money
from acme_paperdesk.paper import Paper
from acme_paperdesk.people import People


class PaperDesk(Money, Asking, Paper, People):
    """Keeps nothing between calls: all it knows is in the connection's store."""


PLUGIN = PaperDesk()
