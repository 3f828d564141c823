"""Envelopes: a document, its signers in order, one-time codes, and the evidence of each signature."""
