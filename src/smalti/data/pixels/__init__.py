"""Windows of images with a label per pixel: scenes, where they come from, and the stream of batches."""
