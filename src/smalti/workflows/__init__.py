"""The verbs of the Python API, each across several packages: map, predict, evaluate, train, export, rank photos, draw.

They return frozen results, print nothing, and report their progress to a callback; `import smalti` exports them.
"""
