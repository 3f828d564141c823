"""The REST interface of a tenant, and the tokens that open it."""
