"""The best photo of a series: a folder comes in, its photos leave grouped and ranked. Nothing here needs torch."""
