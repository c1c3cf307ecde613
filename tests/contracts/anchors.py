"""A toy space with anchors: layers of two choices each, and for every earlier layer whether it is joined."""

from metaqnn.core import Space
from metaqnn.errors import NotationError


class Skips(Space):
    """Layers such as `a3`, and what they join, as `a1;b2@0;a1@0@1`; it may end before each layer but the first.

    A layer is a letter, a digit, and then for every earlier layer `-` or `@j`; its steps follow one another, and a
    layer is joined at the step of its digit.

    Args:
        most: layers, at most.
        is_fixed: whether all networks have so many, so that none can end early.
    """

    LETTERS, DIGITS = ("a", "b"), ("1", "2", "3")

    all_actions: tuple = ()
    max_steps = 0

    def __init__(self, most=4, is_fixed=False):
        super().__init__()
        self.most, self.is_fixed = most, is_fixed
        self.all_actions = (*self.LETTERS, *self.DIGITS, "-", *(f"@{j}" for j in range(most - 1)), "end")
        self.max_steps = 2 * most + most * (most - 1) // 2 + 1

    def initial_state(self):
        return ()

    def layer(self, state):
        """Layers that are complete, and the steps of the one being built."""
        done, left = 0, len(state)
        while left >= 2 + done:
            left -= 2 + done
            done += 1
        return done, left

    def is_terminal(self, state):
        return state[-1:] == ("end",) or self.layer(state) == (self.most, 0)

    def actions(self, state):
        done, step = self.layer(state)
        if step == 0:
            return self.LETTERS if self.is_fixed or done == 0 else (*self.LETTERS, "end")
        return self.DIGITS if step == 1 else ("-", f"@{step - 2}")

    def step(self, state, action):
        return (*state, action)

    def key(self, state):
        return f"{len(state)}:{''.join(state[-2:])}"

    def joined_step(self, state, action):
        if not action.startswith("@"):
            return None
        j = int(action[1:])
        return sum(2 + layer for layer in range(j)) + 1

    def parse(self, text):
        actions = []
        for number, layer in enumerate(text.split(";")):
            if len(layer) < 2:
                raise NotationError(f"expected layers such as a1 with ; between them, got {text!r}")
            letter, digit, *joined = layer[0], layer[1], *layer[2:].split("@")
            actions += [letter, digit, *(f"@{j}" if str(j) in joined else "-" for j in range(number))]
        return tuple(actions) if self.layer(actions) == (self.most, 0) else (*actions, "end")

    def format(self, actions):
        texts, rest = [], [action for action in actions if action != "end"]
        while rest:
            count = 2 + len(texts)
            texts.append("".join(action for action in rest[:count] if action != "-"))
            rest = rest[count:]
        return ";".join(texts)
