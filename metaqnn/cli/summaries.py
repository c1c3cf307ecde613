"""The summary of a database: for people a table of facts in words, for programs one row of plain values."""

from metaqnn.errors import counted
from metaqnn.replay.tables import Table

_PROBLEM_WORDS = {
    "unparsed": "not in the notation",
    "bad_score": "without an accuracy from 0 to 1",
    "illegal": "not legal in the space",
}


def summary_table(reader) -> Table:
    """The summary of a search for people: a table of facts in words."""
    from metaqnn.replay import tables
    from metaqnn.workflows import subject_of
    from metaqnn.workflows.display.words import duration

    sections, facts, predictions = _summarise(reader)
    stops_early = (sections.get("training") or {}).get("early_stopping") is not None
    best = "-"
    if facts.best is not None:
        origin = ", imported" if tables.is_imported(reader, facts.best.model) else ""
        words = reader.score().told(facts.best.score)
        best = f"{words} (model {facts.best.model}{origin}) {facts.best.architecture}"
    failed = ", ".join(f"{count} {status}" for status, count in facts.failed.items()) or "none"
    exhausted, episodes = "none", counted(facts.imported, "episode")
    if facts.exhausted:
        epsilons = ", ".join(f"{epsilon:g}" for epsilon in facts.exhausted)
        exhausted = f"{counted(facts.max_repeats, 'repeat')} in a row ended epsilon {epsilons} early"
    rows = [
        ("experiment", f"{sections['name']}: {subject_of(sections)}, seed {reader.config()['seed']}"),
        *([("warm_start", f"{episodes} of {sections.get('warm_start')}")] if facts.imported else []),
        *_data(reader),
        ("models", f"{facts.models_done} of {facts.models_total}"),
        ("episodes", f"{facts.episodes}, {facts.in_flight} more in flight"),
        ("epsilon", "-" if facts.epsilon is None else f"{facts.epsilon:g}"),
        ("best", best),
        ("reused", f"{counted(facts.reused, 'repeat')} reused, {duration(facts.saved_seconds)} of training saved"),
        ("failed", failed),
        *_nodes(reader),
        *_workers(reader),
        *([("predicted", _prediction_words(predictions, reader.score()))] if stops_early else []),
        ("exhausted", exhausted),
        ("time", f"{duration(facts.elapsed_seconds)} in {counted(facts.runs, 'run')}"),
        ("q_values", f"as of episode {facts.values_as_of}"),
        *_heads(reader),
    ]
    return Table(str(reader.path), ("fact", "value"), tuple(rows))


def _data(reader) -> list[tuple[str, str]]:
    """What was understood of the images, and what looks wrong; nothing of a database that is older than that."""
    from metaqnn.networks.data.description import read_description

    found = read_description(reader.config()["data"], reader.path)
    if found is None:
        return []
    return [("data", found.words), *((note.kind, note.text) for note in found.notes if note.kind != "fact")]


def _nodes(reader) -> list[tuple[str, str]]:
    """What each machine of a cluster did; nothing of a search that was on one machine."""
    from metaqnn.replay.nodes import read_nodes

    return [
        (
            "node",
            f"{use.node or 'this machine'}: {counted(use.candidates, 'network')} in {use.hours:.2f} h, {use.failed} "
            f"failed, {counted(use.lost, 'worker')} lost; {use.device or 'nothing evaluated'}",
        )
        for use in read_nodes(reader)
    ]


def _workers(reader) -> list[tuple[str, str]]:
    """What the workers' time went to; nothing where it was not measured, as in older databases."""
    from metaqnn.replay.phases import read_phases

    words = [f"{100 * time.share:.0f} % {time.phase}" for time in read_phases(reader) if time.share >= 0.005]
    return [("workers", f"their time was {', '.join(words)}")] if words else []


def import_table(reader) -> Table:
    """The summary of an imported database for people."""
    from metaqnn.replay import import_tables
    from metaqnn.workflows import stored_sections, subject_of

    sections, table = stored_sections(reader), import_tables.imports(reader)
    facts = dict(zip(table.columns, table.rows[0], strict=True))
    best = "-"
    if facts["best_model"] is not None:
        score = reader.score()
        words = score.told(facts[f"best_{score.name}"])
        best = f"{words} (model {facts['best_model']}) {facts['best_architecture']}"
    refused = [(facts[column], word) for column, word in _PROBLEM_WORDS.items() if facts[column]]
    rows = [
        ("experiment", f"{sections['name']}: {subject_of(sections)}, seed {reader.config()['seed']}"),
        ("rows", f"{facts['rows']}, of which {facts['episodes']} became episodes"),
        ("models", f"{facts['models']} distinct networks"),
        (
            "reused",
            f"{counted(facts['repeats'], 'repeat')} of them, worth what the first was",
        ),
        ("refused", ", ".join(f"{count} {word}" for count, word in refused) or "none"),
        ("best", best),
        ("q_values", f"as of episode {reader.values_as_of()}"),
        *_heads(reader),
    ]
    return Table(str(reader.path), ("fact", "value"), tuple(rows))


def _heads(reader) -> list[tuple[str, str]]:
    """Where the hash chains stand, to be published: `replay verify --head` compares."""
    from metaqnn.cli.verifying import records_of
    from metaqnn.replay.chain_check import read_chains

    return [
        ("chain", f"{chain.head} ({records_of(chain)})")
        for chain in read_chains(reader)
        if chain.head and chain.records
    ]


def _prediction_words(facts, score) -> str:
    """What stopping early saved, and how good the predictions were."""
    saved = f"{counted(facts.epochs_saved, 'epoch')} ({100 * facts.saved_share:.0f} %) saved"
    words = f"{facts.predicted} stopped early, {saved}"
    if facts.controls:
        off = f"{100 * facts.prediction_error:.2f} points" if score.is_share else f"{facts.prediction_error:.4g}"
        words += f"; off by {off} on {facts.controls} trained on all the same"
    return words


def raw_summary(reader) -> Table:
    """The same for programs: one row of plain values."""
    from dataclasses import asdict

    from metaqnn.replay.chain_check import read_chains
    from metaqnn.workflows import subject_of

    sections, facts, predictions = _summarise(reader)
    row = {
        "experiment": sections["name"],
        "dataset": subject_of(sections),
        "seed": reader.config()["seed"],
        **asdict(facts),
    }
    row |= asdict(predictions)
    row["failed"] = sum(facts.failed.values())
    best, name = facts.best, f"best_{reader.score().name}"
    row.pop("best")
    row["best_model"], row[name], row["best_architecture"] = (
        (best.model, best.score, best.architecture) if best else (None, None, None)
    )
    row |= {"score": reader.score().name, "direction": reader.score().direction}
    row |= {f"{chain.chain}_head": chain.head for chain in read_chains(reader)}
    row["exhausted"] = ", ".join(f"{epsilon:g}" for epsilon in facts.exhausted)
    percent = frozenset([name]) if reader.score().is_share else frozenset()
    return Table("Summary", tuple(row), (tuple(row.values()),), percent)


def _summarise(reader):
    from metaqnn.replay.predictions import summarise_predictions
    from metaqnn.workflows import stored_sections
    from metaqnn.workflows.summary import summarise

    sections = stored_sections(reader)
    epochs = (sections.get("training") or {}).get("epochs", 0)
    with reader.snapshot():
        return sections, summarise(reader), summarise_predictions(reader, epochs)
