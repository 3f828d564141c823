"""Plans: how many people, how much storage and how many calls a tenant may have, and how much it has used."""
