"""Engines that run an exported model; none of them needs torch."""
