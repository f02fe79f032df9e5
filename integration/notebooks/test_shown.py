"""Real notebooks, run by Jupyter's own kernel: what its cells show."""

import nbformat
import pytest
from nbclient import NotebookClient

SETUP = """
import numpy as np
from tinytorch import spatial, training
from tinytorch.autograd import graph, nn
from tinytorch.data import Subset, TensorDataset
from tinytorch.optim import SGD

rng = np.random.default_rng(0)
x = rng.normal(size=(24, 1, 6, 6)).astype(np.float32)
y = rng.integers(0, 3, 24)
conv = spatial.Conv2d(1, 4, 3, rng=0)
model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3, rng=0))
batches = [(x[:12], y[:12]), (x[12:], y[12:])]
confusion = training.ConfusionMatrix(3)
trainer = training.Trainer(model, SGD(lr=0.1), batches, batches)
"""
CELLS = {
    "fit": "trainer.fit(3)",
    "progress": "training.Trainer(model, SGD(lr=0.1), batches).fit(3);",
    "history": "trainer.history",
    "curves": "trainer.history.plot()",
    "rates": """
from tinytorch.training import find_learning_rate
sweep = find_learning_rate(trainer, steps=10)
sweep.plot()
""",
    "filters": "spatial.plot_filters(conv)",
    "maps": "spatial.plot_feature_maps(conv(x))",
    "confusion plot": "training.plot_confusion([[3, 1], [0, 2]])",
    "mistakes": "training.plot_mistakes(x, y, model(x).detach())",
    "summary": "model.summary((2, 1, 6, 6))",
    "confusion": "confusion.update(model(x).detach(), y)\nconfusion",
    "metric": "training.Accuracy()",
    "graph": "graph.draw(model(x).sum(), dict(model.named_parameters()))",
}
PLOTS = ("curves", "rates", "filters", "maps", "confusion plot", "mistakes")
TABLES = {"history": "History of 3", "summary": "total", "confusion": "Confusion", "metric": "Acc"}


@pytest.fixture(
    scope="module", params=["", "%matplotlib inline"], ids=["as it is", "matplotlib inline"]
)
def shown(request):
    """The outputs of each cell."""
    book = nbformat.v4.new_notebook()
    texts = [f"{request.param}\n{SETUP}", *CELLS.values()]
    book.cells = [nbformat.v4.new_code_cell(text) for text in texts]
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    return {name: cell.outputs for name, cell in zip(CELLS, book.cells[1:], strict=True)}


def pictures(outputs, kind):
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_shown_once(shown, name):
    assert len(pictures(shown[name], "image/png")) == 1


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_text_beside_it(shown, name):
    (output,) = shown[name]
    assert output.data["text/html"].startswith("<table>")
    assert TABLES[name] in output.data["text/plain"]


def test_a_graph_is_drawn_without_graphviz(shown):
    (picture,) = pictures(shown["graph"], "image/svg+xml")
    assert "3.weight" in picture


def test_progress_is_one_bar_that_updates(shown):
    (output,) = shown["progress"]
    html = output.data["text/html"]
    assert html.count("<progress") == 1
    assert 'value="2" max="2"' in html
    assert output.data["text/plain"].startswith("epoch 3/3")


def test_a_fit_shows_its_bar_and_then_its_history(shown):
    bar, history = shown["fit"]
    assert "<progress" in bar.data["text/html"]
    assert history.data["text/html"].startswith("<table>")
