"""What ends a comparison at the first difference, with its sentence."""


class DifferenceError(Exception):
    """Something stored is not what follows; its text is one sentence."""


def expect(place: str, what: str, stored: object, rebuilt: object) -> None:
    """Compare a value.

    Raises:
        DifferenceError: it is not what follows.
    """
    if stored != rebuilt:
        raise DifferenceError(
            f"{place}: {what} is {stored!r} in the database, but {rebuilt!r} follows from seed and results"
        )
