"""Networks, built from torch alone."""
