"""Bank transfers and statements as signed JSON over HTTPS."""

from trilend_openbank.plugin import OpenBank

PLUGIN = OpenBank()
