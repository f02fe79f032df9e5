"""Blocks around a module's calls: functions that see each of them, and evaluation mode."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

Before = Callable[[str, Any, tuple[Any, ...]], object]
After = Callable[[str, Any, tuple[Any, ...], Any], object]
Watcher = tuple[str, Before | None, After | None]


class Modes(Protocol):
    """What evaluation mode needs of a module."""

    training: bool

    def modules(self) -> Iterator["Modes"]:
        """Return the module and all below it."""


@contextmanager
def watched(
    modules: Iterable[tuple[str, Any]], before: Before | None, after: After | None
) -> Iterator[None]:
    """Let modules call two functions around each `forward`, for the time of a block."""
    added: list[tuple[Any, Watcher]] = [(one, (name, before, after)) for name, one in modules]
    for one, watcher in added:
        one._watchers = (*one._watchers, watcher)
    try:
        yield
    finally:
        for one, watcher in added:
            one._watchers = tuple(w for w in one._watchers if w is not watcher)
            if not one._watchers:
                del one._watchers


def call_watched(
    module: Any, watchers: tuple[Watcher, ...], inputs: tuple[Any, ...], settings: dict[str, Any]
) -> Any:
    """Call `forward`, and the functions of its watchers around it."""
    for name, before, _ in watchers:
        if before is not None:
            before(name, module, inputs)
    output = module.forward(*inputs, **settings)
    for name, _, after in reversed(watchers):
        if after is not None:
            after(name, module, inputs, output)
    return output


@contextmanager
def evaluation(module: Modes) -> Iterator[None]:
    """Put a module and all below it into evaluation mode for the time of a block.

    Afterward, and after an exception, each of them is in the mode that it was in.

    Args:
        module: The module.

    Example:
        >>> from tinytorch.autograd.nn import Dropout
        >>> dropout = Dropout(0.5)
        >>> with evaluation(dropout):
        ...     dropout.training
        False
        >>> dropout.training
        True
    """
    learning = [one for one in module.modules() if one.training]
    for one in learning:
        vars(one)["training"] = False  # straight: the guard of Parameters takes its time
    try:
        yield
    finally:
        for one in learning:
            vars(one)["training"] = True
