"""Searches that began before there was `dataset.decoding` go on with the same images, to the byte."""

import numpy as np
import pytest
from PIL import Image

from metaqnn.errors import ConfigError, DataError
from metaqnn.networks.data import DatasetConfig, load_search_data, open_dataset
from metaqnn.networks.data.search_data import array_hash
from metaqnn.workflows.experiment import read_experiment
from metaqnn.workflows.old_names import as_recorded
from metaqnn.workflows.resume import changed_keys


def old_folder(folder, has_parts: bool):
    """Everything in it is read otherwise by decoding 2."""
    for part in ("train", "test", "val") if has_parts else (".",):
        for label, name in enumerate(("ant", "bee", "cow")):
            place = folder / part / name
            place.mkdir(parents=True, exist_ok=True)
            for number in range(6):
                values = (np.arange(4 * 4 * 4) * (3 + number) + 50 * label).astype(np.uint8).reshape(4, 4, 4)
                exif = Image.Exif()
                exif[0x0112] = number + 1
                Image.fromarray(values).save(place / f"{number}.png", exif=exif)
            Image.fromarray(values[..., 0]).save(place / "6.tif")
            Image.fromarray(values[..., 0]).save(place / "7.gif", save_all=True, append_images=[Image.new("L", (4, 4))])
            (place / "more").mkdir()
            Image.fromarray(values).save(place / "more" / "0.png")
    for number in range(3) if has_parts else ():
        (folder / "cow").mkdir(exist_ok=True)
        Image.new("L", (9, 9)).save(folder / "cow" / f"{number}.png")
    return folder


# Written by the version of the package before there was a second decoding.
HASHES = {
    True: (
        "339ca75041575f5b76e803e94907d2d90610528aa500a418d429f787d9cd7f97",
        "339ca75041575f5b76e803e94907d2d90610528aa500a418d429f787d9cd7f97",
    ),
    False: (
        "76ca58496cd16314ea1f29d760f3e8bbf3b940c7563a5ce4d1915cc158d9f671",
        "7a94daa32148a060ed55a6e7275d6dda25e39f2e537ccda490603770475c9c03",
    ),
}


@pytest.mark.parametrize("has_parts", HASHES)
def test_the_first_decoding_reads_what_it_read(tmp_path, has_parts):
    dataset = open_dataset(DatasetConfig(str(old_folder(tmp_path / "farm", has_parts)), decoding=1))
    found = tuple(array_hash(split.images, split.labels) for split in (dataset.train(), dataset.test()))
    assert found == HASHES[has_parts]


def experiment(folder, **dataset):
    return {"name": "farm", "dataset": {"name": str(folder), "validation_size": 3, **dataset}}


def test_a_record_without_the_key_means_the_first_decoding(tmp_path):
    folder = old_folder(tmp_path / "farm", has_parts=False)
    record = experiment(folder)
    stored = read_experiment(as_recorded(record), "stored")
    assert load_search_data(stored.network_dataset, 0).data_hash == HASHES[False][0]
    assert load_search_data(DatasetConfig.recorded(record["dataset"], "stored"), 0).data_hash == HASHES[False][0]
    assert load_search_data(DatasetConfig(str(folder), validation_size=3), 0).data_hash != HASHES[False][0]
    again = read_experiment(as_recorded(stored.as_mapping()), "stored")
    assert again == stored
    # What is recorded of a retraining is compared as it is, to find one that is there.
    assert stored.network_dataset.as_mapping().keys() == record["dataset"].keys() | {
        *("train_limit", "preprocessing", "mirror")
    }


def test_a_file_that_names_no_decoding_resumes_either(tmp_path):
    said = read_experiment(experiment(tmp_path), "farm.yaml")
    assert said.begun({}, tmp_path).network_dataset.decoding == 2
    for recorded in (experiment(tmp_path), said.begun({}, tmp_path).as_mapping()):
        stored = read_experiment(as_recorded(recorded), "stored")
        resumed = said.begun({"experiment": recorded}, tmp_path)
        assert changed_keys(stored.as_mapping(), resumed.as_mapping()) == []
    assert said.begun({"experiment": experiment(tmp_path)}, tmp_path).network_dataset.decoding == 1


def test_another_decoding_is_another_search(tmp_path):
    stored = read_experiment(as_recorded(experiment(tmp_path)), "stored")
    said = read_experiment(experiment(tmp_path, decoding=2), "farm.yaml")
    said = said.begun({"experiment": experiment(tmp_path)}, tmp_path)
    assert changed_keys(stored.as_mapping(), said.as_mapping()) == ["dataset.decoding was 1, now 2"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"decoding": 3}, "dataset.decoding: expected 1, 2, or nothing, got 3"),
        ({"layout": "flat"}, "dataset.layout: 'flat' is not one of its values; valid names are auto, classes, parts"),
        ({"depth": 8}, "dataset.depth: expected 9 to 16 bits, or nothing, got 8"),
        ({"decoding": 1, "depth": 12}, "dataset.decoding: expected 2, as dataset.layout and dataset.depth"),
    ],
)
def test_keys_that_mean_nothing(tmp_path, keys, message):
    with pytest.raises(ConfigError, match=message):
        read_experiment(experiment(tmp_path, **keys), "farm.yaml")


@pytest.mark.parametrize("keys", [{"layout": "classes"}, {"depth": 12}])
def test_keys_of_folders_are_of_folders(archive, keys):
    with pytest.raises(DataError, match=f"dataset.{next(iter(keys))}: expected nothing, as it says how a folder"):
        open_dataset(DatasetConfig(str(archive()), **keys))
