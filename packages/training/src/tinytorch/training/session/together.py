"""What a run does beside the runs of other ranks, so that all of them are one run.

Rank 0's run counts: at the start of a fit it tells the others its state. From then on every rank
computes its part of each batch, and all agree on the step, the figures and the end.
"""

import hashlib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pkgutil import iter_modules
from typing import Any

import numpy as np

import tinytorch
from tinytorch.tensor.errors import ArgumentError, StateError
from tinytorch.training._run import Run
from tinytorch.training.parts.made_of import differences
from tinytorch.training.parts.positions import generator_states, load_generator_states
from tinytorch.training.session.gradients import SumOfParts
from tinytorch.training.session.large_batch import LargeBatch
from tinytorch.training.session.signals import Signals
from tinytorch.training.session.state import load_run_state, state_here
from tinytorch.training.session.totals import collect


class Together:
    """One rank's side of a run of several; in a world of one it changes nothing."""

    def __init__(self, run: Run, signals: Signals) -> None:
        self.run = run
        self.world = run.world
        self.signals = signals
        self._sum = SumOfParts(run.world)
        self._begun = False

    def prepare(self) -> None:
        """Refuse ranks that are not alike, before a checkpoint is looked for."""
        if self.world.size == 1:
            return
        words = self._words()
        whole = hashlib.sha256(repr(sorted(words.items())).encode()).hexdigest()
        if len(set(self.world.gather(whole))) > 1:
            said = self.world.gather(differences(self.world.share(words), words))
            rank, lines = next((rank, lines) for rank, lines in enumerate(said) if lines)
            lines = [line.replace(", here ", f", in rank {rank} ") for line in lines]
            raise StateError(
                "Trainer.fit",
                expected="ranks that are made of the same parts",
                got="in rank 0 " + "; ".join(lines),
                fix="start the same script with the same data and versions on every machine",
                rank=rank,
            )
        if self._begun:
            collect(self.run)

    def share(self) -> None:
        """Take up the state of rank 0's run, with random numbers of this rank's own for dropout."""
        run, world = self.run, self.world
        if world.size == 1:
            return
        state = world.share(state_here(run) if world.rank == 0 else None)
        if world.rank:
            names = [type(callback).__name__ for callback in run.callbacks]
            callbacks = [pair for pair in state["callbacks"] if pair[0] in names]
            load_run_state(run, {**state, "made_of": run.made_of, "callbacks": callbacks})
            for counter in (run.mean_loss, *run.metrics):  # rank 0 has all counts
                counter.reset()
            if len(run.other_generators) == world.size - 1:
                load_generator_states(run.model, run.other_generators[world.rank - 1])
            else:
                self._draw_apart()
        self._begun = True

    def part(self, loader: Any, batches: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Yield this rank's rows of each batch; a loader with a `shard` has left the others out."""
        rank, size = self.world.rank, self.world.size
        shard = getattr(loader, "shard", None)
        if shard is not None and tuple(shard) != (rank, size):
            raise ArgumentError(
                "Trainer",
                expected=f"a loader for rank {rank} of {size}, or one without shard",
                got=f"shard={shard}",
                fix="use DataLoader(..., shard=(world.rank, world.size)) and Trainer(..., "
                "world=world)",
            )
        if shard is not None or size == 1:
            yield from batches
            return
        for inputs, targets in batches:
            length = len(targets)
            rows = slice(length * rank // size, length * (rank + 1) // size)
            yield inputs[rows], targets[rows]

    def begin_epoch(self) -> None:
        """Note what running statistics start from."""
        if self.world.size > 1:
            self._sum.begin(self.run.model.buffers())

    def finish(self, large: LargeBatch) -> None:
        """Make the gradient that of the whole batch, on every rank."""
        run, parameters = self.run, self.run.moved_parameters()
        if self.world.size == 1:
            large.finish(parameters)
            return
        weight = run.loss_weight if large.length else 0.0
        examples, run.loss_value = self._sum.finish(large, parameters, run.loss_value, weight)
        run.examples += examples - large.length

    def agree(self) -> None:
        """Stop where a rank was stopped, and end where one had a signal."""
        run, signals = self.run, self.signals
        stopped, noted = self.world.total([bool(run.stopped), bool(signals.noted)])
        if self.world.size > 1:
            if stopped:
                run.stopped = next(filter(None, self.world.gather(run.stopped)))
            if noted:
                signals.noted = next(filter(None, self.world.gather(signals.noted)))
        signals.stop_if_noted()

    def _words(self) -> dict[str, str]:
        """Return what has to be the same on every rank."""
        run = self.run
        common = [callback for callback in run.callbacks if not callback.first_rank_only]
        settings = {
            "epochs": run.epochs,
            "limit_batches": run.limit_batches,
            "seed": run.seed,
            "accumulate": run.accumulate,
            "metrics": run.metrics,
            "callbacks": [type(callback).__name__ for callback in common],
        }
        machines_own = {"threads"}
        return {
            **{name: words for name, words in run.made_of.items() if name not in machines_own},
            **{name: repr(value) for name, value in settings.items()},
            **_versions(),
        }

    def _draw_apart(self) -> None:
        """Seed the model's random generators by what rank 0's are at, and by the rank."""
        states = repr(generator_states(self.run.model)).encode()
        entropy = int.from_bytes(hashlib.sha256(states).digest())
        rngs = [rng for _, rng in self.run.model.named_generators()]
        seeds = np.random.SeedSequence([entropy, self.world.rank]).spawn(len(rngs))
        for rng, seed in zip(rngs, seeds, strict=True):
            rng.bit_generator.state = type(rng.bit_generator)(seed).state


def _versions() -> dict[str, str]:
    """Return the version of each layer here; a layer of one's own may have come without one."""
    versions = {}
    for layer in iter_modules(tinytorch.__path__):
        name = f"tinytorch-{layer.name}"
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    return versions
