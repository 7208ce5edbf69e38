"""Training of networks that predict whole images."""
