"""What every example has to pass: it learned as much as it says, and every weight took part."""

import numpy as np


def weights(model):
    """A copy of every parameter that learns, by name."""
    return {name: p.data.copy() for name, p in model.named_parameters() if p.requires_grad}


def passed(before, model, *checks):
    """Print each check `(text, holds)` and whether all weights moved; give the exit code."""
    after = {name: parameter.data for name, parameter in model.named_parameters()}
    still = [name for name in before if np.array_equal(before[name], after[name])]
    moved = f"{len(before) - len(still)} of {len(before)} weight tensors moved"
    checks = [*checks, (moved + "".join(f"; {name} did not" for name in still), not still)]
    for text, holds in checks:
        print(f"{'ok  ' if holds else 'FAIL'} {text}")
    return 0 if all(holds for _, holds in checks) else 1
