"""Training of networks that rank photos."""
