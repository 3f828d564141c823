"""People of a tenant, what they may do, how they sign in, and the programs that act for them."""
