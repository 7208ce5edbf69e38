"""Rasters: georeference, reading and writing by windows, colours, and labels and values on the grid of an image."""
