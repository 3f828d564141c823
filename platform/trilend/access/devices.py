"""From where somebody comes: the network address, and a browser's name in words."""

from flask import request

from trilend.config import settings

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
# The order matters: most browsers also claim to be Chrome and Safari.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser", "QQ Browser"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def device_name(user_agent: str) -> str:
    """Browser and system of a User-Agent header, such as `Chrome · Windows`; its beginning where it is none we know."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " · ".join(filter(None, (browser, system))) or user_agent[:60] or "—"


def client_address() -> str:
    """The address of the one who asks: what the outermost of our own proxies saw (`TRILEND_PROXIES_IN_FRONT`).

    What the browser itself writes into the header stands further left and is not looked at.
    """
    hops = settings().proxies_in_front
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if hops and len(seen) >= hops:
        return seen[-hops][:64]
    return (request.remote_addr or "")[:64]
