"""One self-contained page a run: rates with intervals drawn, levels, failures, differences, and how to repeat it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from agent.errors import SpecError
from agent.evaluation.calibration_section import calibration_section
from agent.evaluation.compare import Compared, compare, pair
from agent.evaluation.drawing import difference_bar, level_chart, rate_bar
from agent.evaluation.gallery import failures, gallery
from agent.evaluation.html import Markup, cell, join, table, tag
from agent.evaluation.records import EpisodeRecord, Run, load_run, tally_records
from agent.evaluation.statistics import Tally, clopper_pearson, percent_points, wilson

PAGE, TABLE = "report.html", "table.md"
ASSETS = Path(__file__).with_name("assets")
MOST_LISTED = 1000
READINGS, PROGRESS = ("any", "last", "held"), ("reached", "grasped", "lifted")
RATES_NOTE = (
    "Success is held: the goal stays reached for three ticks; any and last are the other two usual readings. The thick "
    "bar is Wilson's interval, the thin one Clopper and Pearson's, which never covers less than it says; trust it "
    "above 90 and below 10 %. Where what is asked for is not there, to refuse is the success. Reached, grasped and "
    "lifted count episodes that came that far with the right object. An error is the world's fault and no trial."
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; media-src data:"
"""The browser refuses to fetch anything for this page, so it looks the same without a network."""


def write_report(folder: Path, *, against: Path | None = None) -> Path:
    """Write report.html and table.md into a run's folder; return the page's path.

    against: another run's folder; the page then also shows the differences between the two, this one minus that.
    Raises SpecError when a folder holds no run, the two share no episode, or the disk refuses.
    """
    run = load_run(folder)
    other = load_run(against) if against else None
    try:
        (folder / TABLE).write_text(markdown(run), encoding="utf-8")
        (folder / PAGE).write_text(page(run, other), encoding="utf-8")
    except OSError as error:
        raise SpecError(f"cannot write the report into {folder}: {error.strerror}") from error
    return folder / PAGE


def page(run: Run, other: Run | None = None) -> str:
    """Return the whole page as text."""
    name = f"{run.policy} on {run.suite}"
    sections = [_head(run, name), _rates(run), _levels(run)]
    if other:
        sections.append(_differences(run, other))
    sections += [calibration_section(run), _failures(run), _errors(run), _repeat(run)]
    style, script = (Markup((ASSETS / file).read_text(encoding="utf-8")) for file in ("report.css", "report.js"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", name),
        tag("style", style),
    )
    whole = tag("html", head, tag("body", *sections, tag("script", script)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def markdown(run: Run) -> str:
    """Return the table of rates for a document."""
    head = ("task", "success", "95 % Wilson", "95 % Clopper–Pearson", *READINGS, *PROGRESS, "errors")
    lines = [f"{run.policy} on {run.suite}: `{run.command}`", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, counts in _rows(run):
        readings = (counts.success_any, counts.success_last, counts.successes)
        numbers = (*readings, counts.reached, counts.grasped, counts.lifted, counts.errors)
        score, exact = (interval(counts.successes, counts.trials) for interval in (wilson, clopper_pearson))
        rate = f"{counts.successes}/{counts.trials} = {100 * counts.rate:.1f} %"
        cells = [name.replace("|", "\\|"), rate, score.percent(), exact.percent(), *map(str, numbers)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(run: Run) -> list[tuple[str, Tally]]:
    """Return every row's counts, the overall one last."""
    rows = [(name, tally_records(record for record in run.records if record.row == name)) for name in run.rows]
    return [*rows, ("overall", tally_records(run.records))]


def _head(run: Run, name: str) -> Markup:
    counts = tally_records(run.records)
    parts = [tag("h1", name), tag("p", str(counts), class_="big")]
    if run.mean_completed is not None:
        parts.append(tag("p", f"Of each chain {run.mean_completed:.2f} tasks were done on average."))
    if not run.complete:
        parts.append(tag("p", f"Interrupted: only {len(run.records)} episodes were run.", class_="warn"))
    return tag("header", *parts)


def _rates(run: Run) -> Markup:
    head = (
        "task", "episodes", "success", "interval", "Wilson 95 %", "Clopper–Pearson 95 %",
        *READINGS, *PROGRESS, "wrong object", "refused", "errors",
    )  # fmt: skip
    rows = [_rate_row(name, counts) for name, counts in _rows(run)]
    whole = table(head, rows[:-1], last=rows[-1])
    return tag("section", tag("h2", "Success"), tag("p", RATES_NOTE, class_="faint"), whole, id="rates")


def _rate_row(name: str, counts: Tally) -> list[Markup]:
    score, exact = (interval(counts.successes, counts.trials) for interval in (wilson, clopper_pearson))
    share = f"{100 * counts.rate:.1f} %"
    numbers = (
        counts.success_any, counts.success_last, counts.successes, counts.reached, counts.grasped, counts.lifted,
        counts.wrong_object, counts.refused, counts.errors,
    )  # fmt: skip
    return [
        cell(name),
        cell(str(counts.episodes)),
        cell(share, counts.rate),
        cell(rate_bar(counts), counts.rate),
        cell(score.percent(), score.low),
        cell(exact.percent(), exact.low),
        *(cell(str(number)) for number in numbers),
    ]


def _levels(run: Run) -> Markup:
    axes = sorted({record.axis for record in run.records if record.axis})
    if not axes:
        return Markup("")
    plain = [record for record in run.records if not record.axis]
    parts = [tag("figure", tag("figcaption", axis), level_chart(by_level(run.records, axis, plain))) for axis in axes]
    rows = [
        [cell(axis), cell(str(level)), cell(f"{counts.successes}/{counts.trials}", counts.rate),
         cell(rate_bar(counts), counts.rate), cell(str(counts.errors))]
        for axis in axes
        for level, counts in by_level(run.records, axis, [])
    ]  # fmt: skip
    head = ("axis", "level", "success", "interval", "errors")
    title = tag("h2", "Success by level")
    return tag("section", title, tag("div", *parts, class_="gallery"), table(head, rows), id="levels")


def by_level(records: Iterable[EpisodeRecord], axis: str, plain: Sequence[EpisodeRecord]) -> list[tuple[int, Tally]]:
    """Return (level, counts) of one axis; an axis without a level 0 of its own begins with `plain`, if there is any."""
    groups: dict[int, list[EpisodeRecord]] = {}
    for record in records:
        if record.axis == axis:
            groups.setdefault(record.level, []).append(record)
    if plain:
        groups.setdefault(0, list(plain))
    return [(level, tally_records(groups[level])) for level in sorted(groups)]


def _differences(run: Run, other: Run) -> Markup:
    result = compare(pair(run.records, other.records))
    head = (
        "task",
        "pairs",
        "only this",
        "only the other",
        "difference",
        "interval",
        "Tango 95 %",
        "over scenes 95 %",
        "p",
        "p (Holm)",
    )
    rows = [_difference_row(row) for row in (*result.rows, result.overall)]
    whole = table(head, rows[:-1], last=rows[-1])
    note = (
        f"This run ({run.policy}) minus the other ({other.policy}, {other.folder}), in points of success, over "
        "episodes with the same task, seed, instruction, axis and level. p is McNemar's exact test. "
        f"Left out: {result.alone_a} and {result.alone_b} without a twin, {result.broken} lost to errors."
    )
    return tag("section", tag("h2", "Difference"), tag("p", note, class_="faint"), whole, id="differences")


def _difference_row(row: Compared) -> list[Markup]:
    counts = row.table
    return [
        cell(row.row),
        cell(str(counts.pairs)),
        cell(str(counts.only_a)),
        cell(str(counts.only_b)),
        cell(percent_points(counts.difference), counts.difference),
        cell(difference_bar(counts.difference, row.tango), counts.difference),
        cell(row.tango.percent(), row.tango.low),
        cell(row.bootstrap.percent(), row.bootstrap.low),
        cell(f"{row.p:.3g}", row.p),
        cell(f"{row.p_holm:.3g}", row.p_holm),
    ]


def _failures(run: Run) -> Markup:
    lost = failures(run)
    title = tag("h2", f"Failures ({len(lost)})")
    if not lost:
        return tag("section", title, tag("p", "There is none."), id="failures")
    return tag("section", title, gallery(run), _listing(lost), id="failures")


def _errors(run: Run) -> Markup:
    broken = [record for record in run.records if not record.counts]
    title = tag("h2", f"Errors of the world ({len(broken)})")
    body = _listing(broken) if broken else tag("p", "There is none.")
    return tag("section", title, body, id="errors")


def _listing(records: Sequence[EpisodeRecord]) -> Markup:
    rows = [
        [cell(record.row), cell(str(record.seed)), cell(record.instruction, class_="words"), cell(record.outcome.value),
         cell(str(record.steps)), cell(record.detail, class_="words")]
        for record in records[:MOST_LISTED]
    ]  # fmt: skip
    listed = table(("task", "seed", "instruction", "outcome", "steps", "what happened"), rows)
    if len(records) <= MOST_LISTED:
        return listed
    return join([listed, tag("p", f"The first {MOST_LISTED}; all are in episodes.jsonl.", class_="faint")])


def _repeat(run: Run) -> Markup:
    seeds = [record.seed for record in run.records]
    facts = [
        ("suite", run.suite),
        ("policy", run.policy),
        ("seeds", f"{min(seeds)} to {max(seeds)}"),
        ("actions carried out per look", str(run.execute)),
        *sorted(run.versions.items()),
    ]
    rows = [[cell(name), cell(value, class_="words")] for name, value in facts]
    command = tag("pre", run.command or "unknown")
    return tag("section", tag("h2", "How to repeat it"), command, table(("", ""), rows, sortable=False), id="repeat")
