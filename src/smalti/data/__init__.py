"""Training data: windows of images with their labels."""
