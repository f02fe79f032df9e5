"""Each wrong input gives an error with four parts: operation, expected, got, way out."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tinytorch import spatial
from tinytorch.tensor import ones
from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError, TinyTorchError

X = ones((2, 3, 8, 8))
W = ones((4, 3, 3, 3))

CASES = {
    "channels": (ShapeError, lambda: spatial.conv2d(X, ones((4, 5, 3, 3))), "5 channels"),
    "channels in groups": (
        ShapeError,
        lambda: spatial.conv2d(X, ones((4, 3, 3, 3)), groups=2),
        "6 channels in 2 groups",
    ),
    "channels last": (
        ShapeError,
        lambda: spatial.conv2d(ones((2, 8, 8, 3)), W),
        "x.transpose(0, 3, 1, 2)",
    ),
    "groups": (ArgumentError, lambda: spatial.conv2d(X, W, groups=3), "groups=3"),
    "groups of a module": (
        ArgumentError,
        lambda: spatial.Conv2d(6, 4, 3, groups=3),
        "divide the 4 out_channels",
    ),
    "kernel too large": (
        ShapeError,
        lambda: spatial.conv2d(ones((1, 3, 2, 8)), W),
        "no window fits",
    ),
    "dilated kernel too large": (
        ShapeError,
        lambda: spatial.conv2d(X, W, dilation=5),
        "(11, 11)",
    ),
    "unbatched": (ShapeError, lambda: spatial.conv2d(ones((3, 8, 8)), W), "x[None]"),
    "flat": (ShapeError, lambda: spatial.max_pool2d(ones((8, 8)), 2), "(1, 1, 8, 8)"),
    "rank": (ShapeError, lambda: spatial.batch_norm2d(ones((2, 3, 4, 5, 6))), "5 axes"),
    "integers": (
        DTypeError,
        lambda: spatial.conv2d(np.zeros((1, 3, 8, 8), np.uint8), W),
        "/ 255",
    ),
    "zero stride": (ArgumentError, lambda: spatial.conv2d(X, W, stride=0), "stride=0"),
    "fraction": (ArgumentError, lambda: spatial.conv2d(X, W, stride=1.5), "stride=1.5"),
    "three sizes": (ArgumentError, lambda: spatial.max_pool2d(X, (1, 2, 3)), "(1, 2, 3)"),
    "negative padding": (ArgumentError, lambda: spatial.conv2d(X, W, padding=-1), "padding=-1"),
    "unknown padding": (
        ArgumentError,
        lambda: spatial.conv2d(X, W, padding="full"),
        "padding='full'",
    ),
    "same with stride": (
        ArgumentError,
        lambda: spatial.conv2d(X, W, stride=2, padding="same"),
        "use padding=(1, 1)",
    ),
    "bias": (ShapeError, lambda: spatial.conv2d(X, W, ones(3)), "bias (3,)"),
    "kernel rank": (ShapeError, lambda: spatial.conv2d(X, ones((4, 27))), "weight (4, 27)"),
    "empty pooling": (ShapeError, lambda: spatial.max_pool2d(X, 9), "no window fits"),
    "empty image": (ShapeError, lambda: spatial.max_pool2d(ones((1, 3, 0, 4)), 1), "empty"),
    "pool padding": (ArgumentError, lambda: spatial.max_pool2d(X, 2, padding=2), "half the kernel"),
    "output padding": (
        ArgumentError,
        lambda: spatial.conv_transpose2d(X, ones((3, 4, 2, 2)), stride=2, output_padding=2),
        "smaller than stride (2, 2) or than dilation (1, 1)",
    ),
    "transposed to nothing": (
        ShapeError,
        lambda: spatial.conv_transpose2d(ones((1, 3, 1, 1)), ones((3, 4, 2, 2)), padding=1),
        "at least 1 x 1",
    ),
    "norm channels": (ShapeError, lambda: spatial.BatchNorm2d(4)(X), "weight"),
    "group norm": (ArgumentError, lambda: spatial.GroupNorm(3, 8), "1, 2, 4, 8"),
    "probability": (ArgumentError, lambda: spatial.Dropout2d(1.5), "p=1.5"),
    "empty average": (
        ShapeError,
        lambda: spatial.adaptive_avg_pool2d(ones((1, 3, 0, 4)), 1),
        "empty",
    ),
    "one statistic": (
        ArgumentError,
        lambda: spatial.batch_norm2d(X, running_var=ones(3)),
        "or neither",
    ),
    "upsample": (ArgumentError, lambda: spatial.upsample(X), "one of scale_factor and size"),
    "upsample mode": (ArgumentError, lambda: spatial.upsample(X, 2, "cubic"), "cubic"),
    "no channels": (ArgumentError, lambda: spatial.Conv2d(0, 4, 3), "in_channels=0"),
    "deep network": (
        ArgumentError,
        lambda: spatial.CNN(widths=(8,) * 6),
        "each halving the image",
    ),
    "plot": (ShapeError, lambda: spatial.plot_feature_maps(ones((3, 8, 8))), "features[None]"),
    "plot filters": (DTypeError, lambda: spatial.plot_filters(spatial.MaxPool2d(2)), "MaxPool2d"),
}


@pytest.mark.parametrize(("kind", "wrong", "says"), CASES.values(), ids=CASES)
def test_error_teaches(kind, wrong, says):
    with pytest.raises(kind) as caught:
        wrong()
    error = caught.value
    assert isinstance(error, TinyTorchError)
    assert says in str(error)
    for part in (error.operation, error.expected, error.got, error.fix):
        assert part


FLAT = ones((3, 8, 8))
CALLS = {
    "conv1d": lambda: spatial.conv1d(FLAT, W),
    "conv2d": lambda: spatial.conv2d(FLAT, W),
    "conv_transpose2d": lambda: spatial.conv_transpose2d(FLAT, W),
    "max_pool2d": lambda: spatial.max_pool2d(FLAT, 2),
    "avg_pool2d": lambda: spatial.avg_pool2d(FLAT, 2),
    "adaptive_avg_pool2d": lambda: spatial.adaptive_avg_pool2d(FLAT, 2),
    "batch_norm2d": lambda: spatial.batch_norm2d(FLAT),
    "group_norm": lambda: spatial.group_norm(FLAT, 1),
    "dropout2d": lambda: spatial.dropout2d(FLAT),
    "upsample": lambda: spatial.upsample(FLAT, 2),
    "plot_feature_maps": lambda: spatial.plot_feature_maps(FLAT),
    "plot_filters": lambda: spatial.plot_filters(FLAT),
    "Conv1d": lambda: spatial.Conv1d(3, 4, (3, 3)),
    "Conv2d": lambda: spatial.Conv2d(3, 4, 3, padding="full"),
    "ConvTranspose2d": lambda: spatial.ConvTranspose2d(3, 4, 3, bias=None),
    "MaxPool2d": lambda: spatial.MaxPool2d(2, stride=0),
    "AvgPool2d": lambda: spatial.AvgPool2d(2, count_include_pad="yes"),
    "AdaptiveAvgPool2d": lambda: spatial.AdaptiveAvgPool2d(None),
    "BatchNorm1d": lambda: spatial.BatchNorm1d(3)(ones((1, 3))),
    "BatchNorm2d": lambda: spatial.BatchNorm2d(3, momentum=2),
    "GroupNorm": lambda: spatial.GroupNorm(1, 3, eps=-1),
    "Dropout2d": lambda: spatial.Dropout2d(None),
    "Upsample": lambda: spatial.Upsample(2.5),
    "CNN": lambda: spatial.CNN(widths=()),
}


@pytest.mark.parametrize(("name", "call"), CALLS.items(), ids=CALLS)
def test_an_error_names_what_was_called(name, call):
    with pytest.raises(TinyTorchError) as caught:
        call()
    assert caught.value.operation == name


def test_every_public_name_has_an_error_of_its_own():
    free = {"Flatten", "ResNet9", "__version__"}  # another layer's; nothing to refuse
    assert set(CALLS) == set(spatial.__all__) - free


def test_lists_are_refused_by_name():
    with pytest.raises(DTypeError, match="a list"):
        spatial.max_pool2d([[[[1.0]]]], 1)


def test_values_stay_on_the_error():
    with pytest.raises(ShapeError) as caught:
        spatial.conv2d(ones((1, 3, 2, 8)), W)
    assert caught.value.kernel_size == (3, 3)
    assert caught.value.padded == (2, 8)


def test_missing_matplotlib_says_how_to_install_it():
    code = """
    import sys
    sys.modules["matplotlib"] = sys.modules["matplotlib.figure"] = None
    from tinytorch import spatial
    from tinytorch.tensor import ones
    from tinytorch.tensor.errors import MissingExtraError
    try:
        spatial.plot_feature_maps(ones((1, 2, 3, 3)))
    except MissingExtraError as error:
        assert 'pip install "tinytorch-spatial[plot]"' in str(error)
    else:
        raise SystemExit("no error")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
