"""A sandbox bank: accounts, a signed open API over HTTPS, an admin API, a page, and faults on demand."""
