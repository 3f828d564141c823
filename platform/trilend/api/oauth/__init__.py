"""OAuth 2 for a tenant's API: programs that act for the company, and programs that act for a person who agreed."""
