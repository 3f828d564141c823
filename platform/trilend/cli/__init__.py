"""The command `trilend`: running the platform and looking after its tenants."""
