"""Domains of a tenant's own: claimed by name, proved by a record in the DNS or a file on the host, watched from then on."""
