"""The requests that the server answers, one file per noun."""
