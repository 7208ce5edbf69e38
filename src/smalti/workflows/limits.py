"""Limits of options that the command line knows before it imports what runs them."""

WIDEST_BOUNDARY = 1000
"""Largest tolerance of boundaries, in pixels."""
