"""Documents of a tenant: typeset from templates, kept encrypted, found by what they belong to."""
