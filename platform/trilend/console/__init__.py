"""The operators' console: tenants at a glance."""
