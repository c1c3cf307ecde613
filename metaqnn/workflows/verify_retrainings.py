"""Whether what is recorded of retrainings and of looks at a test split follows from the models and from each other."""

from collections.abc import Iterator, Mapping

from metaqnn.core import TRAINING, CurvePoint, Retraining, Score, Status, TestCheck, TestLook
from metaqnn.networks.retraining.config import read_recipe
from metaqnn.networks.retraining.transfer import retrained_text
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import (
    misplaced,
    read_retraining_curve,
    read_retrainings,
    read_test_checks,
    read_test_looks,
)
from metaqnn.search.differences import DifferenceError, expect
from metaqnn.workflows.retraining_plan import retrained_size


def difference_of_retrainings(reader: ReplayReader) -> str | None:
    """The first difference in one sentence; None where every value that follows from others does."""
    place = "retrainings"
    try:
        models = {model.model: model.architecture for model in reader.models()}
        retrainings = {retraining.number: retraining for retraining in read_retrainings(reader)}
        for number, retraining in enumerate(retrainings.values(), start=1):
            place = f"retraining {number}"
            if retraining.weights is not None and (problem := misplaced(reader.path, retraining.weights)):
                return f"{place}: its weights {problem}"
            curve = read_retraining_curve(reader, retraining.number)
            for difference in _of_retraining(number, retraining, curve, models, retrainings):
                expect(place, *difference)
        looks: list[TestLook | TestCheck] = [*read_test_looks(reader), *read_test_checks(reader)]
        looks.sort(key=lambda look: look.look)
        for number, look in enumerate(looks, start=1):
            place = f"look {number}"
            expect(place, "its number", look.look, number)
            for difference in _of_look(look, retrainings, reader.score()) if isinstance(look, TestLook) else ():
                expect(place, *difference)
    except DifferenceError as error:
        return str(error)
    except (KeyError, TypeError, ValueError) as error:  # what a recipe or a network is refused with is a ValueError
        return f"{place}: expected values that can be read, but {' '.join(str(error).split())}"
    return None


def _of_retraining(
    number: int,
    retraining: Retraining,
    curve: list[CurvePoint],
    models: Mapping[int, str],
    retrainings: Mapping[int, Retraining],
) -> Iterator[tuple[str, object, object]]:
    """What follows, as it is stored and as it must be."""
    yield "its number", retraining.number, number
    data, recipe = retraining.data, read_recipe(dict(retraining.recipe), f"retraining {number}")
    architecture = retrained_text(models[retraining.model], data["classes"], recipe)
    yield "architecture", retraining.architecture, architecture
    size = retrained_size(architecture, tuple(data["input_shape"]), recipe.batch_normalization)
    yield "size", retraining.size, size
    if (origin := retraining.finetuned_from) is not None:
        yield "the model that it was finetuned from", retrainings[origin].model, retraining.model
    steps = [point.step for point in curve]
    yield "the epochs of its curve", steps, list(range(1, len(steps) + 1))
    is_ok, is_over = retraining.status == Status.OK, retraining.status != TRAINING
    if is_over:
        yield "status", retraining.status, str(Status(retraining.status))
    yield "whether there is a reason", bool(retraining.reason), is_over and not is_ok
    yield "whether there are weights", retraining.weights is not None, is_ok
    yield "score", retraining.score, curve[-1].score if is_ok and curve else None
    if is_ok:
        yield "epochs", len(curve), recipe.num_epochs


def _of_look(
    look: TestLook, retrainings: Mapping[int, Retraining], score: Score
) -> Iterator[tuple[str, object, object]]:
    unknown = [final for final in look.retrainings if final not in retrainings]
    yield "retrainings that are not there", unknown, []
    if look.kind == "network":
        yield "the number of networks", len(look.retrainings), 1
    for final in look.retrainings:
        yield "data set", look.dataset, retrainings[final].dataset["name"]
    if not score.is_share:  # such as R squared: nothing but its range follows
        yield "what is wrong with its score", score.problem_with(look.score), None
        return
    right = min(max(round(look.score * look.examples), 0), look.examples)
    yield "score", look.score, right / look.examples if look.examples > 0 else None
