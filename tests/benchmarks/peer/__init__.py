"""The same one-query page with django-tenants and without, for comparison; its package comes with `make bench`."""
