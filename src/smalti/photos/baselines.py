"""Simple measures of a photo as baselines for any ranking; higher counts as better."""

import cv2
import numpy as np

from smalti.arrays import Picture


def laplacian_variance(photo: Picture) -> float:
    """Variance of the Laplacian of a grey photo at full resolution (Pech-Pacheco et al., 2000): sharpness.

    Args:
        photo: H,W,3 uint8 (RGB).
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def evenness(photo: Picture) -> float:
    """Minus the earth mover's distance (0 to 1) of the grey histogram from a uniform one: exposure.

    Args:
        photo: H,W,3 uint8 (RGB).
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    share = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    return -float(np.abs(share - np.arange(1, 257) / 256).mean())


BASELINES = {"variance of the Laplacian": laplacian_variance, "evenness of the histogram": evenness}
