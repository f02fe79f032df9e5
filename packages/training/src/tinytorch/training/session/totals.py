"""What ranks count apart, counted together: losses and metrics, exactly as their counts add up."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinytorch.training._run import Run
from tinytorch.training.distributed.world import World
from tinytorch.training.metrics.metric import Metric
from tinytorch.training.parts.positions import generator_states


def totals(world: World, counters: Iterable[Metric]) -> list[Metric]:
    """Return metrics that have counted what those of all ranks have."""
    if world.size == 1:
        return list(counters)
    found = []
    for counter in counters:
        counts = counter.state_dict()
        total = copy.deepcopy(counter)
        total.reset()
        start = total.state_dict()
        added = {name: _wide(np.asarray(counts[name]) - start[name]) for name in start}
        world.sum_into(added.values())
        total.load_state_dict({name: _like(start[name], added[name]) for name in start})
        found.append(total)
    return found


def collect(run: Run) -> None:
    """Let rank 0 have all counts, and know where the other ranks' random generators stand.

    The sums over all ranks stay as they are, so this may be done at any time, by all of them.
    """
    if run.world.size == 1:
        return
    counters = (run.mean_loss, *run.metrics)
    for counter, total in zip(counters, totals(run.world, counters), strict=True):
        if run.world.rank == 0:
            counter.load_state_dict(total.state_dict())
        else:
            counter.reset()
    run.other_generators = run.world.gather(generator_states(run.model))[1:]


def _wide(counts: np.ndarray) -> np.ndarray:
    """Return counts as an array of a type that is wide enough for their sum."""
    wide = np.float64 if counts.dtype.kind == "f" else np.int64
    return np.array(counts, np.promote_types(counts.dtype, wide))


def _like(start: Any, added: np.ndarray) -> Any:
    """Return what counting began with and what has been added to it, an array or a plain number."""
    return start + added if isinstance(start, np.ndarray) else start + added.item()
