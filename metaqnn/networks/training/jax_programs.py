"""What is compiled for a network by JAX: a step of training and a batch of validation."""

import copy
from dataclasses import dataclass
from typing import Any

from metaqnn.networks.targets import Classes
from metaqnn.networks.training.graph_network import GraphNetwork


@dataclass(frozen=True)
class Programs:
    """What is compiled for a network: a step of training, and a batch of validation."""

    step: Any
    validate: Any


class TracedNetwork:
    """A network as functions to trace: whatever changes from step to step or from attempt to attempt is an argument.

    Args:
        engine: its `JaxEngine`.
        network: whose graph it is.
    """

    def __init__(self, engine: Any, network: GraphNetwork):
        self.engine, self.network = engine, network

    def bound(self, trained: Any, running: Any, seeds: Any = (), valid: Any = None) -> GraphNetwork:
        """The network with other numbers, of a trace or of now.

        Args:
            trained, running: its weights.
            seeds: of its masks, in their order; none in use.
            valid: as of `JaxPrimitives`.
        """
        from metaqnn.networks.primitives.jax_primitives import JaxPrimitives, JaxVariable

        network, ours = copy.copy(self.network), self.network
        variables = (*ours.trained, *ours.running)
        bound = {id(each): JaxVariable(value) for each, value in zip(variables, (*trained, *running), strict=True)}
        network.weights = {number: [bound[id(each)] for each in all_] for number, all_ in ours.weights.items()}
        network.trained, network.decaying, network.running = (
            [bound[id(each)] for each in some] for some in (ours.trained, ours.decaying, ours.running)
        )
        network.dropout_seeds = dict(zip(ours.dropout_seeds, seeds, strict=False))
        network.primitives = JaxPrimitives(self.engine.use_bfloat16, valid)
        return network

    def step(self, state, seeds, order, flags, learning_rate, all_images, all_wanted, number):
        """One step of Adam (Kingma & Ba, 2015, with the bias corrections in the rate), and its sums added."""
        import jax
        import jax.numpy as jnp

        engine, config = self.engine, self.engine.config
        batch, start = engine.batch, number * engine.batch
        rows = jax.lax.dynamic_slice(order, (start,), (batch,))
        images, wanted = all_images[rows], all_wanted[rows]
        if engine.mirror:
            mirrored = jax.lax.dynamic_slice(flags, (start,), (batch,))[:, None, None, None]
            images = jnp.where(mirrored, images[:, :, ::-1], images)
        count = jnp.minimum(batch, engine.train_images - start)
        valid = jnp.arange(batch) < count if engine.train_images % batch else None

        def loss_of(trained):
            network = self.bound(trained, state["running"], seeds, valid)
            outputs = network.logits(engine.preprocess(images), state["step"])
            losses = engine.target.losses(outputs, wanted)
            loss = jnp.mean(losses) if valid is None else jnp.sum(jnp.where(valid, losses, 0.0)) / count
            if config.weight_decay:
                squares = sum(jnp.sum(jnp.square(kernel.value)) for kernel in network.decaying)
                loss += config.weight_decay / 2 * squares
            return loss, (outputs, [variable.value for variable in network.running])

        (loss, (outputs, running)), gradients = jax.value_and_grad(loss_of, has_aux=True)(state["trained"])
        step = state["step"] + 1
        power = step.astype(jnp.float32)
        rate = learning_rate * jnp.sqrt(1.0 - config.beta_2**power) / (1.0 - config.beta_1**power)
        means = [m + (g - m) * (1.0 - config.beta_1) for m, g in zip(state["means"], gradients, strict=True)]
        squares = [
            v + (jnp.square(g) - v) * (1.0 - config.beta_2) for v, g in zip(state["squares"], gradients, strict=True)
        ]
        trained = [
            weight - rate * m / (jnp.sqrt(v) + config.epsilon)
            for weight, m, v in zip(state["trained"], means, squares, strict=True)
        ]
        return {
            "trained": trained,
            "running": running,
            "means": means,
            "squares": squares,
            "step": step,
            "loss": state["loss"] + loss * count,
            "sums": state["sums"] + self._sums(outputs, wanted, valid),
        }

    def validation(self, weights, sums, all_images, all_wanted, start):
        """The outputs of a batch; and its sums added, where the target is classes."""
        import jax.numpy as jnp

        engine = self.engine
        rows = start + jnp.arange(engine.validation_batch)
        valid = rows < engine.validation_images
        rows = jnp.minimum(rows, engine.validation_images - 1)
        outputs = self.bound(**weights).logits(engine.preprocess(all_images[rows]))
        if not isinstance(engine.target, Classes):
            return sums, outputs
        wanted = all_wanted[rows]
        losses = jnp.where(valid, engine.target.losses(outputs, wanted), 0.0)
        added = {"loss": sums["loss"] + jnp.sum(losses), "sums": sums["sums"] + self._sums(outputs, wanted, valid)}
        return added, outputs

    def _sums(self, outputs, wanted, valid):
        """The sums of the target over the examples that count."""
        import jax
        import jax.numpy as jnp

        target = self.engine.target
        if valid is None:
            return target.sums(outputs, wanted)
        of_each = jax.vmap(lambda output, one: target.sums(output[None], one[None]))(outputs, wanted)
        return jnp.sum(jnp.where(valid.reshape(-1, *(1,) * (of_each.ndim - 1)), of_each, 0), 0, of_each.dtype)
