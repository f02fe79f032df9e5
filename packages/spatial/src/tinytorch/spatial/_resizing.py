"""The module that enlarges images."""

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial.functional._resizing import check_resizing
from tinytorch.spatial.functional._windows import Size
from tinytorch.tensor.types import Operand, T


class Upsample(nn.Module):
    """Images made larger; settings as in `upsample`.

    Raises:
        ArgumentError: A setting is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> Upsample(2, mode="bilinear")(zeros((1, 3, 8, 8))).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self, scale_factor: Size | None = None, mode: str = "nearest", size: Size | None = None
    ) -> None:
        check_resizing("Upsample", scale_factor, mode, size)
        self.scale_factor, self.mode, self.size = scale_factor, mode, size

    def forward(self, x: Operand[T]) -> T:
        return functional.upsample(x, self.scale_factor, self.mode, self.size)

    def extra_repr(self) -> str:
        return f"scale_factor={self.scale_factor}, mode={self.mode!r}, size={self.size}"
