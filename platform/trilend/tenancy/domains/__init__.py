"""Domains of a tenant's own: claimed by name, proved by a record in the DNS, watched from then on."""
