"""Calls of a function on the workers of a Dask cluster, each of them once for the user whatever is killed meanwhile."""
