"""The run that everything happens to: small, but with everything in it that has a state."""

import hashlib
import json
import os
import signal
import sys
import tempfile
import warnings
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TINYTORCH_KERNELS", "reference")  # they compile for longer than a run lasts

import numpy as np

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import Adam
from tinytorch.optim.schedules import cosine
from tinytorch.tensor.errors import TinyTorchError
from tinytorch.training import Accuracy, Checkpoint, CSVLog, EarlyStopping, TopK, Trainer

EPOCHS = 2
LONGEST = 60  # seconds, after which a run counts as hanging


class Noise:
    """A transform that draws at random: a resume must draw the same."""

    random = True

    def __call__(self, x, *, rng):
        return x + rng.normal(0, 0.1, x.shape).astype(np.float32)


def network(rng):
    return nn.Sequential(
        nn.Linear(8, 12, rng=rng), nn.ReLU(), nn.Dropout(0.2, rng=rng), nn.Linear(12, 2, rng=rng)
    )


def make(folder=None):
    """Return the run's Trainer; with a folder, it saves there."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 8)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    callbacks = [EarlyStopping("val_loss", patience=50)]
    if folder is not None:
        callbacks += [Checkpoint(folder / "run", every=2, keep=2), CSVLog(folder / "log.csv")]
    return Trainer(
        network,
        Adam(),
        DataLoader(TensorDataset(x, y), 16, shuffle=True, transform=Noise()),
        DataLoader(TensorDataset(x[:32], y[:32]), 16),
        metrics=(Accuracy(), TopK(2)),
        schedule=cosine(0.01, 20),
        callbacks=callbacks,
        clip_norm=1.0,
        accumulate=2,
        seed=3,
        progress=False,
    )


def digest(trainer):
    """Return what two equal runs have in common: every bit of the weights, and the history."""
    sums = hashlib.sha256()
    for name, value in trainer.model.state_dict().items():
        sums.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return sums.hexdigest() + json.dumps(trainer.history.to_dict()["columns"])


def undisturbed():
    trainer = make()
    trainer.fit(EPOCHS)
    return digest(trainer)


def attempt(folder, expected, accident=None):
    """Run in a process of its own, under an accident; return in words what came out.

    "same bits" and "other bits" are runs that ended; "refused: ..." an error of TinyTorch;
    "broken off: ..." an interruption or a lack of memory; "raw: ..." any other error.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        outcome = "hung"
        try:
            signal.alarm(LONGEST)
            warnings.simplefilter("ignore")
            trainer = make(folder)
            with accident or nullcontext():
                trainer.fit(EPOCHS)
            outcome = "same bits" if digest(trainer) == expected else "other bits"
        except TinyTorchError as error:
            outcome = f"refused: {error.operation}"
        except (KeyboardInterrupt, MemoryError) as error:
            outcome = f"broken off: {type(error).__name__}"
        except BaseException as error:  # noqa: BLE001 - which is what is looked for
            outcome = f"raw: {type(error).__name__}: {error}"
        finally:
            os.write(writer, outcome.encode()[:4000])
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome = pipe.read().decode()
    os.waitpid(child, 0)
    return outcome or "hung"


def scratch():
    """Return a folder to work in that is gone afterwards."""
    folder = tempfile.TemporaryDirectory(prefix="stress-")
    return folder, Path(folder.name).resolve()


def report(title, tally, wrong):
    """Print what came out; exit if any of it is wrong."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.items()))
    print(f"{'FAIL' if wrong else 'ok  '} {title}: {outcomes}", flush=True)
    for line in wrong[:5]:
        print(f"     {line}")
    return bool(wrong)
