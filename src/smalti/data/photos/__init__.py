"""Series of photos with what is known of their order: what a ranker learns from and is scored on."""

import cv2

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong with a photo, our own errors say
