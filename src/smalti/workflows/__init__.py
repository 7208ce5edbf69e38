"""Whole verbs, each of several rooms: map, predict, evaluate, train, export, rank photos, draw.

They return frozen results, print nothing, and tell how far they are by a callback; `import smalti` gives them names.
"""
