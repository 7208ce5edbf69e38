"""From a class map to polygons: traced, simplified together, joined from strip to strip, written atomically."""
