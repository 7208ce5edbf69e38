"""Training of networks that predict each pixel."""
