"""Rasters: where they lie, how they are read and written, their colours, and the polygons made of them."""
