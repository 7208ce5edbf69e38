"""Many scenes as one map: a grid of tiles, the scenes on it, and what each tile is predicted from."""
