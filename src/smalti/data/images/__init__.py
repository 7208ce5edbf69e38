"""Images with labels for the whole image: listings of datasets, decoding, and the stream of batches.

A source lists files with their annotations as text; `labelled` converts the text to the targets of the tasks.
"""
