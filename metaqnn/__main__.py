"""`python -m metaqnn`: the same as the command `metaqnn`."""


def main() -> None:
    """Run the command line."""
    from metaqnn.cli import run

    run()


if __name__ == "__main__":
    main()
