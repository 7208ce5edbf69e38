"""Whole workflows, each across several rooms: map, predict, evaluate, train, export, rank photos, draw.

They return frozen results, print nothing, and report their progress to a callback; `import smalti` exports them.
"""
