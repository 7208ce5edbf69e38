"""Scenes: how they arrive, which files are taken, and the table of them."""
