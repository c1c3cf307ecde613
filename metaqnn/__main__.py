"""`python -m metaqnn`: the same as the command `metaqnn`."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from metaqnn.cli import run
    except KeyboardInterrupt:  # everything later is caught there
        sys.exit(130)

    run()


if __name__ == "__main__":
    main()
