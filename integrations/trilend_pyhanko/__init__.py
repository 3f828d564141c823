"""Electronic signatures and seals by pyHanko: PAdES signatures with a visible company seal."""

from trilend_pyhanko.plugin import PLUGIN

__all__ = ["PLUGIN"]
