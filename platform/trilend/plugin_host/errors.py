"""What can go wrong between a tenant and a plugin."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class UnknownPlugin(NotFound):
    """No installed plugin has this identity."""

    code = "unknown_plugin"

    def __init__(self, identity: str) -> None:
        super().__init__(_l("This plugin is not installed here. Ask the operator of the platform."), plugin=identity)


class PluginNotAllowed(Refused):
    """The tenant has not allowed this plugin, or has switched it off."""

    code = "plugin_not_allowed"

    def __init__(self, identity: str) -> None:
        super().__init__(
            _l("This plugin is switched off for your company. An administrator can allow it under Connections."),
            plugin=identity,
        )


class ConnectionNotReady(Refused):
    """There is no active connection for what is to be done."""

    code = "connection_not_ready"

    def __init__(self, topic: str) -> None:
        super().__init__(
            _l("There is no active connection of this sort yet. Set one up under Connections and test it."), topic=topic
        )


class RealMoneyOnTrial(Refused):
    """A company that is not verified orders a transfer through a real bank; nothing has left."""

    code = "real_money_on_trial"

    def __init__(self) -> None:
        super().__init__(
            _l(
                "A company on trial cannot move real money. Send your company's papers under Company and wait until the "
                "operator of the platform has verified them, or use a sandbox bank."
            )
        )


class InvalidConnection(Invalid):
    """What was entered for a connection does not fit the plugin's schema; `fields` maps field to sentence."""

    code = "invalid_connection"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(_l("Correct the marked fields."), fields=fields)
