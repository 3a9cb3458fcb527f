"""`python -m pulang`."""

from pulang.cli import main

if __name__ == "__main__":
    main()
