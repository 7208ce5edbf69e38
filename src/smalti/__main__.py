"""`python -m smalti`: the same as `smalti`."""

from smalti.cli import main

if __name__ == "__main__":
    main()
