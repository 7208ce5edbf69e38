"""Pages and pictures of scores, maps and trainings."""
