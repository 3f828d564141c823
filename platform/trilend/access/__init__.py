"""How people of a tenant sign in: passwords, second factors, passkeys, the company's own provider, sessions and their end."""
