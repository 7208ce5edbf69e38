"""Jobs: the table of them, what each does, and what it made."""
