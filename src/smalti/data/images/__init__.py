"""Images with answers that hold for the whole of each: listings of datasets, decoding, and the stream of batches.

A source lists files with what is written about each as text; `labelled` turns that text into the tasks' answers.
"""
