"""Dated figures a tenant works by, each with its legal basis, and the tenant's business date."""
