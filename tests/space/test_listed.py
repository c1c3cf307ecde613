"""A space cut down to a list: nothing else can be walked to, and what is seen on the way is as in the whole space."""

from itertools import islice

import pytest
from contracts.spaces import chain, listed, small, tiny

from metaqnn.core import Step
from metaqnn.errors import IllegalArchitectureError, NotationError
from metaqnn.seeding import Stream
from metaqnn.tables.listed import ListedSpace

THREE = ["000", "001", "210"]
"""Of the twelve networks of the chain 3 x 2 x 2."""


def three() -> ListedSpace:
    return ListedSpace(chain(3, 2, 2), THREE)


def test_only_what_leads_to_a_listed_network_is_legal():
    assert three().trajectory("210").steps == (
        Step("0:start", "2", ("0", "2")),
        Step("1:2", "1", ("1",)),
        Step("2:1", "0", ("0",)),
    )
    assert three().trajectory("001").steps[2] == Step("2:0", "1", ("0", "1"))


def test_random_walks_meet_every_listed_network_and_no_other():
    streams = [Stream(0, "listed", number) for number in range(100)]
    space = three()
    met = {
        space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture for stream in streams
    }
    assert met == set(THREE)


def test_its_architectures_are_the_list_in_the_order_of_the_space():
    assert list(three().architectures()) == THREE
    assert list(ListedSpace(chain(3, 2, 2), ["2-1-0", "001", "000", "001"]).architectures()) == THREE
    assert list(listed().architectures()) == list(small().architectures())[::3]


def test_a_list_of_everything_is_the_whole_space():
    assert list(ListedSpace(tiny(), tiny().architectures()).architectures()) == list(tiny().architectures())


def test_a_list_of_layers_in_any_notation():
    space = ListedSpace(tiny(), ["SM(3)", "C(8,1,1), P(2,2), SM(3)"])
    assert list(space.architectures()) == ["[C(8,1,1), P(2,2), SM(3)]", "[SM(3)]"]
    assert [str(action) for action in space.actions(space.initial_state())] == ["C(8,1,1)", "SM(3)"]


def test_a_network_that_is_not_listed_cannot_be_walked_to():
    with pytest.raises(IllegalArchitectureError) as error:
        three().trajectory("200")
    assert str(error.value) == "200: 0 is not legal in state 1:2; legal there: 1"
    with pytest.raises(IllegalArchitectureError, match=r"legal there: 0, 2$"):
        three().trajectory("100")


def test_keys_and_texts_and_costs_are_those_of_the_whole_space():
    space, whole = listed(), small()
    assert space.all_actions == whole.all_actions
    assert space.max_steps == whole.max_steps
    for text in islice(whole.architectures(), 0, None, 3):
        there, here = whole.trajectory(text), space.trajectory(text)
        assert here.architecture == there.architecture == text
        assert [(step.state, step.action) for step in here.steps] == [(step.state, step.action) for step in there.steps]
        for some, every in zip(here.steps, there.steps, strict=True):
            assert list(some.choices) == [choice for choice in every.choices if choice in some.choices]
        assert space.parse(text) == whole.parse(text)
        assert space.costs(space.parse(text)) == whole.costs(whole.parse(text))


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("030", IllegalArchitectureError, "030: 3 is not legal in state 1:0; legal there: 0, 1"),
        ("00", IllegalArchitectureError, "00: the network is incomplete at 2:0"),
        ("0000", IllegalArchitectureError, "0000: nothing may follow step 3"),
        ("SM", NotationError, "'SM': expected choices such as '000'"),
    ],
)
def test_a_listed_network_that_is_none_of_the_space_is_refused(text, error, sentence):
    with pytest.raises(error) as caught:
        ListedSpace(chain(3, 2, 2), ["000", text])
    assert str(caught.value) == sentence
