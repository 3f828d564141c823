"""The company's page of its background work: what runs, what failed, what runs by the clock."""
