"""Rates that fall when a metric gets no better."""

import math

from tinytorch.tensor import StateError, checks


class ReduceOnPlateau:
    """Multiplies the rates by `factor` after more than `patience` epochs that were no better."""

    def __init__(
        self,
        optimizer,
        mode="min",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        threshold_mode="rel",
        cooldown=0,
        min_lr=0,
        eps=1e-8,
    ):
        name = "ReduceOnPlateau"
        self.optimizer = optimizer
        self.sign = 1 if checks.choice(name, "mode", mode, ("min", "max")) == "min" else -1
        self.factor = checks.fraction(name, "factor", factor, below_one=True)
        self.patience = checks.whole(name, "patience", patience, least=0)
        self.threshold = checks.number(name, "threshold", threshold, least=0)
        relative = checks.choice(name, "threshold_mode", threshold_mode, ("rel", "abs")) == "rel"
        self.relative = relative
        self.cooldown = checks.whole(name, "cooldown", cooldown, least=0)
        self.min_lr = checks.number(name, "min_lr", min_lr, least=0)
        self.eps = checks.number(name, "eps", eps, least=0)
        self.best, self.bad, self.resting = None, 0, 0

    def step(self, metric):
        """Take an epoch's metric; lower the rates where it is time."""
        metric = float(metric)
        if self.better(metric):
            self.best, self.bad = metric, 0
        else:
            self.bad += 1
        if self.resting:
            self.resting, self.bad = self.resting - 1, 0
        if self.bad > self.patience:
            self.resting, self.bad = self.cooldown, 0
            self.cut()

    def better(self, metric):
        """Whether the metric is better than the best by more than the threshold."""
        if self.best is None or math.isinf(self.best):
            bar = self.sign * (math.inf if self.best is None else self.best)
            return not math.isnan(metric) and (self.best is None or self.sign * metric < bar)
        margin = self.threshold * (abs(self.best) if self.relative else 1)
        return self.sign * metric < self.sign * self.best - margin

    def cut(self):
        """Lower each group's rate, or that of an optimizer without parameters."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lower(group["lr"])
        if not self.optimizer.param_groups:
            self.optimizer.lr = self.lower(self.optimizer.lr)

    def lower(self, rate):
        """The rate after a cut."""
        lower = max(rate * self.factor, self.min_lr)
        return lower if rate - lower > self.eps else rate

    def state_dict(self):
        """Return the best metric and the counts."""
        return {"best": self.best, "bad": self.bad, "resting": self.resting}

    def load_state_dict(self, state):
        """Take back what `state_dict` gave."""
        fits = isinstance(state, dict) and state.keys() == self.state_dict().keys()
        fits = fits and all(type(state[n]) is int and state[n] >= 0 for n in ("bad", "resting"))
        if not fits or not (state["best"] is None or type(state["best"]) in (int, float)):
            raise StateError(
                "ReduceOnPlateau",
                expected="best, bad and resting",
                got=f"{state!r:.80}",
                fix="load what state_dict() gave",
            )
        self.best, self.bad, self.resting = state["best"], state["bad"], state["resting"]
