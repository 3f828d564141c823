"""People and organizations a tenant deals with."""
