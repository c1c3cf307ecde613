"""`python -m metaqnn`: the same as the command `metaqnn`."""

import sys

from metaqnn.errors import NO_MEMORY


def main() -> None:
    """Run the command line."""
    try:
        from metaqnn.cli import run
    except KeyboardInterrupt:  # everything later is caught there
        sys.exit(130)
    except MemoryError:
        print(f"metaqnn: {NO_MEMORY}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # what would tell it more closely could not be read, either
        problem = f"{error.filename or 'its own files'}: expected to read this, but {error.strerror or error}"
        print(f"metaqnn: {problem}; run the same command again when this machine can", file=sys.stderr)
        sys.exit(2)

    run()


if __name__ == "__main__":
    main()
