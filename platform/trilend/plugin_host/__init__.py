"""Runs plugins for tenants: what is installed, each tenant's connections, and the dispatcher between."""
