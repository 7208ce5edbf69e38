"""Training without any labels."""
