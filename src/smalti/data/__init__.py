"""Training data: labels per pixel (pixels/), labels of whole images (images/) and series of photos (photos/).

Beside these three: the cache of what was counted, and the identity of files by their content.
"""
