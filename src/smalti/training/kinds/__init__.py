"""What can be trained: one folder per kind of recipe."""
