"""A company signs itself up: data, one-time code, provisioning with progress, first sign-in."""
