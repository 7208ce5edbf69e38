"""Teaching: a model corrected by a few strokes, with its own features, in a second and without torch."""
