"""Whether the episodes of an imported database are what the rows of its file say."""

from collections.abc import Mapping, Sequence

from metaqnn.core import Episode, Space
from metaqnn.errors import MetaqnnError
from metaqnn.networks.released_file import as_number
from metaqnn.replay.importing import ImportedRow


def difference_from_rows(rows: Sequence[ImportedRow], episodes: Sequence[Episode], space: Space) -> str | None:
    """The first difference in one sentence; None where every episode, in order, follows from its row of the file."""
    taken = [row for row in rows if row.episode is not None]
    if [row.episode for row in taken] != [episode.number for episode in episodes]:
        return f"imported rows: {len(taken)} of them became episodes, but there are {len(episodes)} episodes"
    first: dict[str, Mapping[str, str]] = {}
    for row, episode in zip(taken, episodes, strict=True):
        place = f"episode {episode.number}"
        try:
            architecture = space.trajectory(space.format(space.parse(row.net))).architecture
        except MetaqnnError as error:
            return f"{place}: row {row.row} has no network of the space: {str(error).splitlines()[0]}"
        if episode.architecture != architecture:
            return (
                f"{place}: its architecture is {episode.architecture!r} in the database, but {architecture!r} in "
                f"row {row.row}"
            )
        text = first.setdefault(architecture, row.content).get("accuracy_best_val", "")
        if episode.score != as_number(text):
            return f"{place}: its accuracy is {episode.score!r} in the database, but {text!r} in its first row"
    return None
