"""Windows of images with labels per pixel: scenes, their sources, and the stream of batches."""
