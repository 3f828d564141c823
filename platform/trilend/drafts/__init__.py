"""Drafts of long forms: what a person has typed and not sent, kept for that person alone."""
