"""What people are told: a bell on every page, and mail to those who want it."""
