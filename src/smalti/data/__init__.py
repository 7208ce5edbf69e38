"""Training data: labels per pixel (pixels/), labels of whole images (images/) and series of photos (photos/).

The three share a cache of counts and the identity of files by their content.
"""
