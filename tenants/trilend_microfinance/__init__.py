"""The microfinance kind (小贷): lends its own capital."""
