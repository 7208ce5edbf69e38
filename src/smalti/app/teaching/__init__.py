"""Lessons: strokes that are on the disk before they are answered, live maps, and models of them."""
