"""Trilend's shared platform: it knows tenants, plugins, money and people, and no kind of business."""
