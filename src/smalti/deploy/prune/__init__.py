"""A net with fewer channels: which ones it needs least, and how much time each takes."""
