"""Series of photos with a known order, on which a ranker is trained and scored."""

import cv2

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our own errors report damaged photos
