"""Deep lessons: the decoder learns strokes, and of the rest of their scenes what the quick head says there."""
