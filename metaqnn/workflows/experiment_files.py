"""Experiment files that the program writes: a first one for some data, and the one that a database was made by."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from metaqnn.errors import counted
from metaqnn.files import written_whole
from metaqnn.replay.places import require_new
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.components import stored_budget, stored_experiment
from metaqnn.workflows.find_experiment import shipped_experiments

_MOST_VALIDATION = 5000
"""Images, the paper's number."""

_FEW = 2000
"""Training images below which small batches, and more epochs, are needed for enough steps."""

_TEMPLATE = """\
# {subject}
# Other settings to look at: metaqnn experiments show cifar10
name: {name}  # names the database, replay_db/{name}.sqlite
seed: 0  # the same seed gives the same rows

dataset:
  name: {data}
  validation_size: {validation}  # of {images}; networks are compared on these
  preprocessing: standardize  # fitted on the training images alone
  mirror: false             # true where an image and its mirror image mean the same

space:                      # the networks that can be built
  max_depth: {depth}
  convolution: {{filters: [16, 32, 64], receptive_fields: {fields}}}
  pooling: {pooling}
  fully_connected: {{neurons: [128, 64], max_in_row: 2}}
  limits: {{flops: {flops}}}  # of one image's forward pass; larger networks train longer

strategy:
  name: q_learning          # others: metaqnn plugins

training:
  epochs: {epochs}
  batch_size: {batch}
  learning_rate: 0.002

search:
  models: 24                # distinct networks; a larger number later goes on
  lookahead: 2              # networks in training at once, at most
"""


def begin_experiment(data: str, out: Path | None) -> tuple[Path, str]:
    """Write a commented experiment for some data, of which the training part is read.

    Args:
        data: a path, or the name of a data set, as in the section `dataset`.
        out: the file; None names it after the data, in the working directory.

    Returns:
        the file, and what the data are, for people.

    Raises:
        DataError: the data cannot be used.
        ReplayError: the file exists.
    """
    path = out or Path(f"{_name(data)}.yaml")
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(f"{path.name}.yaml")
    require_new(path)
    text, facts = begun_text(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, is_new=True) as part:
        part.write_text(text, encoding="utf-8")
    return path, facts


def _name(data: str) -> str:
    """Of the experiment: after the data, but for a shipped one's, whose database would be the other's."""
    name = re.sub(r"[^0-9A-Za-z_.-]+", "_", Path(data).absolute().name.removesuffix(".npz"))
    name = name.strip("._").lstrip("-") or "data"  # which would be an option
    return f"{name}_search" if name in shipped_experiments() else name


def begun_text(data: str) -> tuple[str, str]:
    """What `begin_experiment` writes, and what the data are, for people.

    Raises:
        DataError: the data cannot be used.
    """
    from metaqnn.networks.data.registry import open_source
    from metaqnn.networks.data.sources import images_of
    from metaqnn.networks.data.target_facts import outputs_words

    split = images_of(open_source(data).train())
    number, (height, width, _) = len(split.labels), split.images.shape[1:]
    images = counted(number, "training image")
    targets = outputs_words(split.kind, len(split.class_names))
    facts = f"{images} of {'x'.join(map(str, split.images.shape[1:]))} {targets}"
    validation = min(_MOST_VALIDATION, max(1, number // 5))
    smallest, is_small_set = min(height, width), number - validation < _FEW
    text = _TEMPLATE.format(
        subject=f"{Path(data).name or data}: {facts}.".encode("unicode_escape").decode(),
        name=_name(data),
        data=json.dumps(data),
        validation=validation,
        images=images,
        depth=6 if smallest < 16 else 8,
        fields=[size for size in (1, 3, 5) if size <= smallest],
        pooling=[[3, 2], [2, 2]] if smallest < 16 else [[5, 3], [3, 2], [2, 2]],
        flops=max(20_000_000, 20_000 * height * width),
        epochs=20 if is_small_set else 8,
        batch=32 if is_small_set else 128,
    )
    return text, facts


def experiment_text(reader: ReplayReader, allowed: Sequence[str] = ()) -> str:
    """The experiment of a database as YAML, every default spelled out; run anew, it gives the same rows.

    Args:
        reader: the database.
        allowed: each `module:Name` that may be loaded although the database says so.

    Raises:
        PluginError: a part of it is not installed, or not allowed.
    """
    content = json.loads(json.dumps(stored_experiment(reader, allowed).as_mapping()))
    lines = [f"# The experiment of {reader.path.name}."]
    config, last = reader.config(), reader.last_run()
    if "budget" in config or "schedule" in config:
        began = stored_budget(config)
        content["search"]["models"] = began  # what strategies scale their schedules to
        if last is not None and last["models"] != began:
            lines.append(f"# It went on with another budget: run this, and then again with --models {last['models']}.")
    return "\n".join([*lines, yaml.safe_dump(content, sort_keys=False, allow_unicode=True)])
