"""What every data set keeps (`metaqnn.core.Dataset`)."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from metaqnn.core import Dataset, Split


class DatasetContract:
    """Subclass it as `TestX` with a fixture `make_dataset`: a function that makes the data set anew."""

    @pytest.fixture
    def dataset(self, make_dataset: Callable[[], Dataset]) -> Dataset:
        """The data set under test."""
        return make_dataset()

    def test_both_parts_have_the_form_of_a_split(self, dataset):
        for part in (dataset.train(), dataset.test()):
            assert isinstance(part, Split)  # which has checked itself
            assert np.isfinite(np.asarray(part.inputs, dtype=float)).all()

    def test_both_parts_are_of_one_kind(self, dataset):
        train, test = dataset.train(), dataset.test()
        assert train.class_names == test.class_names
        assert len(set(train.class_names)) == len(train.class_names)
        assert train.inputs.shape[1:] == test.inputs.shape[1:]
        assert train.inputs.dtype == test.inputs.dtype
        assert train.targets.ndim == test.targets.ndim

    def test_every_class_is_among_the_training_examples(self, dataset):
        part = dataset.train()
        labels = np.unique(part.targets) if part.targets.ndim == 1 else np.flatnonzero(part.targets.any(axis=0))
        assert labels.tolist() == list(range(len(part.class_names)))

    def test_read_again_it_is_the_same_to_the_bit(self, dataset, make_dataset):
        for again in (dataset, make_dataset()):
            for part, same in ((dataset.train(), again.train()), (dataset.test(), again.test())):
                assert np.array_equal(part.inputs, same.inputs)
                assert np.array_equal(part.targets, same.targets)

    def test_who_changes_what_was_read_changes_nothing_that_is_read_later(self, dataset):
        before = dataset.train().inputs.copy()
        inputs = dataset.train().inputs
        if inputs.flags.writeable:
            inputs[...] = 0
        assert np.array_equal(dataset.train().inputs, before)

    def test_it_can_be_sent_to_a_worker_before_anything_is_read(self, make_dataset):
        sent = pickle.loads(pickle.dumps(make_dataset()))
        assert np.array_equal(sent.train().targets, make_dataset().train().targets)

    def test_where_it_is_is_said_without_reading(self, make_dataset):
        assert isinstance(make_dataset().location(), str)
        assert make_dataset().location()
        assert make_dataset().available() is True
