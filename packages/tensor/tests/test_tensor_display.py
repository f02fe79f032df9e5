"""What notebooks show: tables in HTML, and figures that carry their picture."""

from tinytorch.tensor import display


def test_a_table_escapes_its_texts_and_puts_numbers_to_the_right():
    shown = display.table(["name", "count"], [["a<b", "3"]], title="A & B", note="that is all")
    assert "<caption>A &amp; B</caption>" in shown
    assert '<td style="text-align: left">a&lt;b</td>' in shown
    assert '<td style="text-align: right">3</td>' in shown
    assert shown.endswith("<p><small>that is all</small></p>")


def test_cells_have_the_colors_that_they_are_given():
    shown = display.table(["a", "b"], [["1", "2"]], colors=[["", "red"]])
    assert '<td style="text-align: left">1</td>' in shown
    assert '<td style="text-align: right; background: red">2</td>' in shown


def test_a_figure_carries_its_picture_as_it_is_when_it_is_shown():
    class Figure:
        text = "before"

        def savefig(self, file, format):
            file.write(f"{format}: {self.text}".encode())

    figure = display.shown(Figure())
    figure.text = "after"
    assert figure._repr_png_() == b"png: after"
