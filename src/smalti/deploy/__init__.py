"""From a trained checkpoint to one file that runs anywhere."""
