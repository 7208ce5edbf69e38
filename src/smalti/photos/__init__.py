"""The best photo of a series: groups the photos of a folder into series and ranks them. Nothing here needs torch."""
