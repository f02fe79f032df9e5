"""Kill a training run again and again, and check that it ends with the very same bits.

    python integration/stress_kills.py [KILLS] [SEED]

trains a small convolutional network on `Digits` in a process of its own, kills that process
(SIGKILL) at random moments, among them moments at which a checkpoint is being written, starts it
again, and compares weights and history with those of a run that nobody killed. Exits 1 if a bit
differs.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EPOCHS = 6


def train(folder):
    """Train in `folder`; write `result.json` when done. Everything that has a state takes part."""
    from tinytorch.autograd import nn
    from tinytorch.data import DataLoader, Digits, random_split
    from tinytorch.optim import SGD
    from tinytorch.optim.schedules import one_cycle
    from tinytorch.spatial import BatchNorm2d, Conv2d, MaxPool2d
    from tinytorch.training import Accuracy, Callback, Checkpoint, EarlyStopping, TopK, Trainer

    class Beat(Callback):
        """Tells the killer that training has begun."""

        def on_fit_begin(self, trainer):
            print("begun", trainer.step, flush=True)

    def network(rng):
        return nn.Sequential(
            Conv2d(1, 4, 3, padding=1, rng=rng),
            BatchNorm2d(4),
            nn.ReLU(),
            MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2, rng=rng),
            nn.Linear(64, 10, rng=rng),
        )

    training, validation = random_split(Digits(), [600, 300, 897], rng=0)[:2]
    train_loader = DataLoader(training, batch_size=32, shuffle=True)
    trainer = Trainer(
        network,
        SGD(momentum=0.9, nesterov=True, weight_decay=1e-4),
        train_loader,
        DataLoader(validation, batch_size=100),
        metrics=(Accuracy(), TopK(3)),
        schedule=one_cycle(0.1, steps=EPOCHS * 10),
        callbacks=[Beat(), Checkpoint(folder / "run", every=1, keep=2), EarlyStopping(patience=9)],
        clip_norm=1.0,
        accumulate=2,
        seed=7,
        progress=False,
    )
    history = trainer.fit(EPOCHS)
    digest = hashlib.sha256()
    for name, value in trainer.model.state_dict().items():
        digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    result = {"weights": digest.hexdigest(), "history": history.to_dict()["columns"]}
    (folder / "result.json").write_text(json.dumps(result, sort_keys=True))


def start(folder):
    """Start a run in a process of its own; without kernels, whose compilation takes longest."""
    command = [sys.executable, __file__, "--train", str(folder)]
    environment = {**os.environ, "TINYTORCH_KERNELS": "reference"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def stress(kills, seed):
    """Return how many kills hit a run that was writing, and the two results."""
    choose = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        calm, wild = Path(name) / "calm", Path(name) / "wild"
        calm.mkdir()
        wild.mkdir()
        child = start(calm)
        child.stdout.readline()
        began = time.perf_counter()
        assert child.wait() == 0
        whole = time.perf_counter() - began
        done = writing = 0
        while done < kills:
            child = start(wild)
            steps = child.stdout.readline().split()
            time.sleep(choose.uniform(0, 2.5 * whole / kills))
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            if (wild / "result.json").exists():
                check(calm, wild)
                (wild / "run").rename(wild / f"finished-{done}")
                (wild / "result.json").unlink()
                print(f"  a run was complete after {done} kills: the same bits", flush=True)
                continue
            done += 1
            begun = [p for p in (wild / "run").iterdir() if not p.name.startswith("step-")]
            writing += bool(begun)
            print(
                f"kill {done}: from step {steps[1] if steps else '-'}, {len(begun)} half-written",
                flush=True,
            )
        assert start(wild).wait() == 0
        check(calm, wild)
    return writing


def check(calm, wild):
    if (calm / "result.json").read_text() != (wild / "result.json").read_text():
        sys.exit("FAIL: weights or history differ from those of the run that nobody killed")


def main(kills=100, seed=0):
    writing = stress(kills, seed)
    print(f"ok   {kills} kills, {writing} while a checkpoint was being written: the same bits")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(Path(sys.argv[2]))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
