"""Scripts that run a converted model where Smalti is not installed: each needs numpy and one engine."""
