"""The equations of Q-learning, as pure functions over Python's IEEE doubles.

Source: Watkins (1989); Baker et al. (ICLR 2017), section 3, equation 3 and Algorithm 1; for shaped rewards, Zhong et
al. (CVPR 2018); for planning, Lauer and Riedmiller (ICML 2000) and Jones, Schonlau and Welch (1998).
"""

from collections.abc import Sequence

from metaqnn.strategies.exact_math import log_expected_excess, logarithm


def q_learning_target(reward: float, discount: float, next_values: Sequence[float]) -> float:
    """What a Q-value is moved toward: r + discount * max over a' of Q(s', a').

    Args:
        reward: of this transition.
        discount: in [0, 1].
        next_values: Q-values of the actions that are legal in the next state; empty where it is terminal.
    """
    return reward + discount * max(next_values) if next_values else reward


def q_learning_update(value: float, target: float, learning_rate: float) -> float:
    """Q(s, a) + learning_rate * (target - Q(s, a)), of the old value and with a learning rate in (0, 1]."""
    return value + learning_rate * (target - value)


def uniform_reward(reward: float, steps: int) -> float:
    """What each step of an episode earns where its reward is shared out evenly: R / T.

    Zhong et al. (CVPR 2018), BlockQNN. At a discount of 1 the return of an episode is R, shaped or not; what is still
    to come after t of T steps is R (T - t) / T, shaped, and R where the last step alone is rewarded.

    Args:
        reward: R, of the episode.
        steps: T, at least 1.
    """
    return reward / steps


def greedy_choices(values: Sequence[float]) -> list[int]:
    """The indices of all actions whose value is the largest."""
    best = max(values)
    return [index for index, value in enumerate(values) if value == best]


def planning_update(value: float, imagined: float) -> float:
    """The value of a pair after an imagined episode through it: the largest return that was imagined.

    In a deterministic process that is rewarded at its end, this is Q-learning with learning rate 1 of which losses are
    not believed (distributed Q-learning: Lauer and Riedmiller, 2000).
    """
    return max(value, imagined)


def log_expected_improvement(mean: float, deviation: float, best: float) -> float:
    """The logarithm of E[max(0, R - best)] of a normally distributed return R: what is imagined of a trajectory.

    Jones, Schonlau and Welch (1998), equation 15; as a logarithm, so that what is hopeless keeps its order.

    Args:
        mean: of R.
        deviation: standard deviation of R, above 0.
        best: the largest return so far.
    """
    return logarithm(deviation) + log_expected_excess((mean - best) / deviation)
