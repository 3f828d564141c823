"""Tenants: their registry, the binding of work to one of them, their schemas and how these come to be."""
