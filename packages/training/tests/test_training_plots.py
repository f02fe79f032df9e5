"""Pictures hold what they show: counts, shares, the worst mistakes first."""

import numpy as np
import pytest

from tinytorch.tensor import from_numpy
from tinytorch.tensor.errors import FileError, ShapeError
from tinytorch.training import History, plot_confusion, plot_mistakes


@pytest.fixture(autouse=True)
def _matplotlib():
    pytest.importorskip("matplotlib")


def texts(axes):
    return {
        tuple(int(v) for v in text.get_position()): (text.get_text(), text.get_color())
        for text in axes.texts
    }


def test_a_confusion_matrix_shows_counts_and_shares(tmp_path):
    matrix = np.array([[8, 2, 0], [0, 0, 0], [5, 0, 5]])
    figure = plot_confusion(matrix, ["a", "b", "c"], tmp_path / "c.png")
    (axes,) = figure.axes
    assert texts(axes) == {
        (0, 0): ("8", "white"),
        (1, 0): ("2", "black"),
        (0, 2): ("5", "black"),
        (2, 2): ("5", "black"),
    }
    np.testing.assert_array_equal(
        axes.images[0].get_array(), [[0.8, 0.2, 0], [0, 0, 0], [0.5, 0, 0.5]]
    )
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_title() == "65.0% of 20 right"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert (tmp_path / "c.png").exists()
    assert [t.get_text() for t in plot_confusion(matrix).axes[0].get_xticklabels()] == [
        "0",
        "1",
        "2",
    ]
    assert plot_confusion(np.zeros((2, 2), int)).axes[0].get_title() == "0.0% of 0 right"


def test_pictures_grow_with_what_they_show():
    sizes = [plot_confusion(np.eye(n)).get_size_inches() for n in (2, 10, 20)]
    np.testing.assert_allclose(sizes, [[4.6, 4.6], [4.6, 4.6], [8.0, 8.0]])
    images, labels, scores = mistakes(10)
    figure = plot_mistakes(images, labels, scores)
    assert figure.get_size_inches().tolist() == [4.6, 1.7 * 2 + 0.3]


def test_a_phone_shows_letters_that_can_be_read():
    figures = [plot_confusion(np.eye(10)), plot_mistakes(*mistakes(30))]
    for figure in figures:
        pixels = 358 / figure.get_size_inches()[0] / 72  # of a screen that is 390 wide
        kind = pytest.importorskip("matplotlib.text").Text
        texts = [text for text in figure.findobj(kind) if text.get_text()]
        assert min(text.get_fontsize() for text in texts) * pixels > 9


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2)])
def test_a_matrix_that_is_not_square(shape):
    with pytest.raises(ShapeError, match="counts"):
        plot_confusion(np.zeros(shape))


def mistakes(count=5):
    """Labels 0; two right, then wrong ones, the last the surest."""
    images = np.zeros((count, 3, 4, 4), np.float32)
    images[:, :, 0, 0] = np.arange(count)[:, None] + 1
    images -= 0.5
    scores = np.zeros((count, 3))
    scores[:2, 0] = 5
    scores[2:, 2] = np.arange(1, count - 1)
    return images, np.zeros(count, int), scores


def test_the_surest_mistakes_come_first(tmp_path):
    images, labels, scores = mistakes()
    figure = plot_mistakes(images, labels, scores, ["cat", "dog", "car"], path=tmp_path / "m.png")
    titles = [axes.get_title() for axes in figure.axes]
    sure = np.exp(3) / (np.exp(3) + 2)
    assert titles[0] == f"cat\nnot car\n({sure:.0%})"
    assert len(titles) == 3
    assert figure.get_suptitle() == "3 mistakes in 5; the surest ones"
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (4, 4, 3)
    assert (shown.min(), shown.max(), shown[0, 0, 0]) == (0.0, 1.0, 1.0)
    assert (tmp_path / "m.png").exists()


def test_scores_may_be_large():
    images, labels, scores = mistakes()
    titles = [axes.get_title() for axes in plot_mistakes(images, labels, scores * 1e3).axes]
    assert titles[0] == "0\nnot 2\n(100%)"


def test_gray_images_tensors_and_a_bound_on_their_number():
    images, labels, scores = mistakes(12)
    figure = plot_mistakes(
        from_numpy(images[:, :1]), from_numpy(labels), from_numpy(scores), count=7
    )
    assert len(figure.axes) == 8
    assert sum(bool(axes.images) for axes in figure.axes) == 7
    assert figure.axes[0].images[0].get_array().shape == (4, 4)
    assert figure.axes[0].get_title().startswith("0\nnot 2")


def test_no_mistakes_is_a_picture_too():
    images, labels, scores = mistakes(2)
    assert plot_mistakes(images, labels, scores).get_suptitle().startswith("0 mistakes in 2")


@pytest.mark.parametrize("change", ["images", "channels", "labels", "scores"])
def test_parts_that_do_not_fit(change):
    images, labels, scores = mistakes()
    if change == "images":
        images = images[0]
    if change == "channels":
        images = images[:, :2]
    if change == "labels":
        labels = labels[:3]
    if change == "scores":
        scores = scores[:, 0]
    with pytest.raises(ShapeError, match="plot_mistakes"):
        plot_mistakes(images, labels, scores)


@pytest.mark.parametrize(
    ("operation", "draw"),
    [
        ("plot_confusion", lambda path: plot_confusion(np.eye(2), path=path)),
        (
            "plot_mistakes",
            lambda path: plot_mistakes(np.zeros((1, 1, 2, 2)), [1], [[1.0, 0.0]], path=path),
        ),
        ("History.plot", lambda path: history().plot(path)),
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, operation, draw):
    with pytest.raises(FileError, match=operation) as error:
        draw(tmp_path / "none" / "picture.png")
    assert error.value.path == tmp_path / "none" / "picture.png"


def history():
    made = History()
    made.append({"loss": 0.1})
    return made
