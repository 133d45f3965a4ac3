"""`python -m prefcore` is the command `prefcore`."""

from prefcore.cli import main

if __name__ == "__main__":
    main()
