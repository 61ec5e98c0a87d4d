"""What the page says, read as HTML without a browser; tests/evaluation/test_report_in_browser.py opens it."""

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agent.errors import SpecError
from agent.evaluation import gallery as galleries
from agent.evaluation.drawing import difference_bar, rate_bar
from agent.evaluation.html import tag
from agent.evaluation.records import load_run
from agent.evaluation.report import by_level, page, write_report
from agent.evaluation.statistics import Interval, tally
from tests.evaluation.runs import line, mixed_run, write_run


class Reader(HTMLParser):
    """Collects tags, addresses and the tables' texts; fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.sections: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self._section = ""

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self._note(attributes)
        if name == "section":
            self._section = given["id"] or ""
        if name == "tr":
            self.rows.append([])
        if name == "td":
            self.rows[-1].append("")
        self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self._note(attributes)

    def _note(self, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for key, value in attributes if key in ("src", "href", "action", "poster")]

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        self.sections[self._section] = self.sections.get(self._section, "") + data
        if self.open and "td" in self.open:
            self.rows[-1][-1] += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mixed_run(tmp_path / "run")


def test_every_row_shows_its_rate_its_intervals_and_its_readings(folder: Path) -> None:
    rows = {row[0]: row for row in read(page(load_run(folder))).rows if row and len(row) > 10}
    assert list(rows) == ["ball & <cup>", "cube in bowl", "perturbed", "overall"]
    cube = rows["cube in bowl"]
    assert cube[1:3] == ["10", "90.0 %"]
    assert cube[4:] == ["[59.6, 98.2]", "[55.5, 99.7]", "9", "9", "9", "10", "9", "9", "0", "0", "0"]
    assert rows["ball & <cup>"][1:3] == ["11", "20.0 %"]
    assert rows["ball & <cup>"][-1] == "1"
    assert rows["overall"][1:3] == ["26", "44.0 %"]


def test_the_page_fetches_nothing_and_runs_no_word_of_the_run(tmp_path: Path) -> None:
    evil = line('</script><img src="http://example.org/x">', 1, "timeout", detail="<script>alert(1)</script>")
    text = page(load_run(write_run(tmp_path / "run", [evil], policy="<b>vla</b>")))
    reader = read(text)
    assert text.count("<script>") == 1
    assert all(address.startswith("data:") for address in reader.addresses)
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    assert "<script>alert(1)</script>" in reader.sections["failures"]


def test_command_seeds_and_versions_stand_on_the_page(folder: Path) -> None:
    said = read(page(load_run(folder))).sections["repeat"]
    for words in ("aubergine eval --suite bowl --seed 0", "0 to 10", "numpy", "2.4.6"):
        assert words in said


def test_levels_are_shown_when_results_carry_them_and_only_then(folder: Path, tmp_path: Path) -> None:
    run = load_run(folder)
    rows = [row for row in read(page(run)).rows if row and row[0] in ("camera", "light")]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("camera", "1", "0/1"), ("camera", "2", "0/1"), ("camera", "3", "0/1"),
        ("light", "1", "0/1"), ("light", "2", "0/1"),
    ]  # fmt: skip
    plain = [record for record in run.records if not record.axis]
    assert [(level, counts.trials) for level, counts in by_level(run.records, "light", plain)] == [
        (0, 20),
        (1, 1),
        (2, 1),
    ]
    without = page(load_run(write_run(tmp_path / "plain", [line("cube", 1)])))
    assert "levels" not in read(without).sections


def test_failures_are_listed_and_errors_stand_apart(folder: Path) -> None:
    sections = read(page(load_run(folder))).sections
    assert "Failures (14)" in sections["failures"]
    assert "the arm came apart" not in sections["failures"]
    assert "the arm came apart" in sections["errors"]


def test_films_of_failures_travel_inside_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = folder / "films"
    films.mkdir()
    (films / "cube-in-bowl-4.mp4").write_bytes(b"film")
    (films / "cube-in-bowl-5.mp4").write_bytes(b"a success: not shown")
    (films / "ball-cup-0.png").write_bytes(b"strip")
    sources = read(page(load_run(folder))).addresses
    assert sources == ["data:image/png;base64,c3RyaXA=", "data:video/mp4;base64,ZmlsbQ=="]
    monkeypatch.setattr(galleries, "MOST_BYTES", 5)
    reader = read(page(load_run(folder)))
    assert reader.addresses == ["data:image/png;base64,c3RyaXA="]
    assert "1 more films lie in" in reader.sections["failures"]


def test_every_row_of_failures_gets_its_turn(folder: Path) -> None:
    assert [record.row for record in galleries.failures(load_run(folder))][:4] == [
        "ball & <cup>", "cube in bowl", "perturbed", "ball & <cup>",
    ]  # fmt: skip


def test_the_difference_to_another_run(folder: Path, tmp_path: Path) -> None:
    other = mixed_run(tmp_path / "other", policy="hold")
    lines = (other / "episodes.jsonl").read_text().replace('"cube in bowl", "instruction"', '"cube", "instruction"')
    (other / "episodes.jsonl").write_text(lines.replace("timeout", "success", 1))
    reader = read(page(load_run(folder), load_run(other)))
    assert "minus the other (hold" in reader.sections["differences"]
    assert "Left out: 10 and 10 without a twin, 1 lost to errors" in reader.sections["differences"]


def test_the_files_beside_the_run(folder: Path) -> None:
    assert write_report(folder) == folder / "report.html"
    table = (folder / "table.md").read_text(encoding="utf-8").splitlines()
    assert table[0] == "vla on bowl: `aubergine eval --suite bowl --seed 0`"
    assert len({row.count("|") for row in table[2:]}) == 1
    assert table[-1].startswith("| overall | 11/25 = 44.0 % |")


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", [line("cube", 1)], complete=False))
    assert "Interrupted: only 1 episodes were run." in page(run)


def test_a_report_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no finished run"):
        write_report(tmp_path)


def test_bars_end_where_their_intervals_end(folder: Path) -> None:
    counts = tally(record for record in load_run(folder).records if record.row == "cube in bowl")
    bars = {each.get("class"): each for each in ElementTree.fromstring(rate_bar(counts)).iter("line")}
    ends = [float(bars["score"].get(key) or "nan") for key in ("x1", "x2")]
    assert [(end - 8) / 204 for end in ends] == pytest.approx([0.596, 0.982], abs=1e-3)
    drawn = ElementTree.fromstring(difference_bar(0.0, Interval(-0.5, 0.5)))
    assert [float(circle.get("cx") or "nan") for circle in drawn.iter("circle")] == [110.0]


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "a < b", tag("b", "c")) == "<p>a &lt; b<b>c</b></p>"
    assert tag("video", muted=True, loop=False, src='"') == '<video muted src="&quot;"></video>'
