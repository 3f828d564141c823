"""The start page of a tenant."""
