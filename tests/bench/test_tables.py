"""Results become tables, and targets are judged."""

from tables import Table, as_markdown, as_text, compared, flatten, tables_of, targets_of

RESULTS = {
    "client": "wrk",
    "hello": {"wapo": {"rate": 4000.0, "p99": 3.1}, "workerd": {"rate": 8000.0, "p99": 2.5}},
    "absent": {"deno": "npm has no deno for Plan9"},
}


def test_rows_with_the_same_columns_are_one_table() -> None:
    alone, hello, absent = tables_of(RESULTS)
    assert alone == Table("", ("",), (("client", "wrk"),))
    assert hello == Table("hello", ("rate", "p99"), (("wapo", "4000", "3.1"), ("workerd", "8000", "2.5")))
    assert absent == Table("absent", ("",), (("deno", "npm has no deno for Plan9"),))


def test_every_figure_is_in_some_table() -> None:
    deep = {"a": 1, "b": {"x": 2, "c": {"y": 3, "z": {"w": 4}}}, "d": {"x": 5}}
    cells = [cell for table in tables_of(deep) for row in table.rows for cell in row[1:]]
    assert sorted(cells) == ["1", "2", "3", "4", "5"]


def test_a_table_for_the_terminal_is_aligned() -> None:
    lines = as_text(tables_of(RESULTS)[1]).splitlines()
    assert len({len(line) for line in lines[2:]}) == 1


def test_markdown_keeps_bars_in_names_apart() -> None:
    text = as_markdown(Table("t", ("n",), (("a|b", "1"),)))
    assert text == "### t\n\n|  | n |\n| --- | ---: |\n| a\\|b | 1 |\n"


def test_targets_are_judged_by_the_figure_of_that_name() -> None:
    targets = {
        "hello wapo rate": "target: at least 5000", "hello workerd rate": "target: at least 5000",
        "hello wapo p99": "target: at most 3.1", "hello deno rate": "target: at least 1",
        "client": "target: as before",
    }  # fmt: skip
    assert [target.verdict for target in targets_of(RESULTS, targets)] == ["missed", "met", "met", "not measured", ""]


def test_a_comparison_shows_what_was() -> None:
    text = compared(RESULTS, {"hello": {"wapo": {"rate": 2000.0}}})
    assert "was     2000.0  x2.00" in text
    assert text.count("\n") == len(list(flatten(RESULTS)))
