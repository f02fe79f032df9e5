"""A rank of a small run: `mpiexec -n 2 python -m mpi4py mpi_run.py SETTINGS`, in JSON.

Rank 0 writes the result: the weights and the history. A fault strikes one rank after some step.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD
from tinytorch.training import Callback, Checkpoint, Trainer, distributed


class Fault(Callback):
    """Strikes one rank after a step of its own."""

    order = 50

    def __init__(self, folder, kind, rank, step):
        self.folder, self.kind, self.rank, self.step = Path(folder), kind, rank, step

    def on_step_end(self, run):
        if (run.world.rank, run.step) == (self.rank, self.step):
            (self.folder / "struck").write_text(str(time.time()))
            if self.kind == "raise":
                raise ZeroDivisionError("the fault of this rank")
            os.kill(os.getpid(), getattr(signal, self.kind))


def network(width, dropout):
    rng = np.random.default_rng(1)
    layers = (nn.Linear(4, width, rng=rng), nn.ReLU(), nn.Dropout(dropout, rng=rng))
    return nn.Sequential(*layers, nn.Linear(width, 3, rng=rng))


def main(settings):
    world = distributed.mpi()
    rng = np.random.default_rng(0)
    data = TensorDataset(rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 3, 50))
    shard = (world.rank, world.size)
    callbacks = []
    if "folder" in settings:  # which each rank has to itself
        folder = Path(settings["folder"]) / f"of-rank-{world.rank}"
        callbacks += [Checkpoint(folder, every=4)]
    if "fault" in settings:
        callbacks += [Fault(settings["folder"], *settings["fault"])]
    width = 8 + (settings.get("wider", 0) if world.rank == world.size - 1 else 0)
    trainer = Trainer(
        network(width, settings.get("dropout", 0.0)),
        SGD(lr=0.1, momentum=0.9),
        DataLoader(data, 8, shuffle=True, rng=0, shard=shard),
        DataLoader(data, 11, rng=0, shard=shard),
        callbacks=callbacks,
        seed=0,
        progress=False,
        world=world,
    )
    trainer.fit(3)
    weights = {name: np.array(value) for name, value in trainer.model.state_dict().items()}
    bits = hashlib.sha256(b"".join(value.tobytes() for value in weights.values())).hexdigest()
    assert world.gather(bits) == [bits] * world.size, "the ranks have different weights"
    if world.rank == 0:
        result = {
            "size": world.size,
            "bits": bits,
            "weights": {name: value.tolist() for name, value in weights.items()},
            "history": trainer.history.to_dict()["columns"],
        }
        Path(settings["result"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
