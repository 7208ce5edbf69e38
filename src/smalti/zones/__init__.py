"""Statistics of maps per polygon: exact coverage of pixels, tallies over many maps, tables."""
