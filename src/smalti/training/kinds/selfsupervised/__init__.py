"""Encoders that learn from images without any labels."""
