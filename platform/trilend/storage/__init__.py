"""Keys, sealed columns and stored objects of a tenant."""
