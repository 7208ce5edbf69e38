"""Drawn scenes with exact truth."""
