"""The report's section on confidence."""

from agent.evaluation.calibration import Bin, Calibration, calibration
from agent.evaluation.drawing import reliability_chart
from agent.evaluation.html import Markup, cell, table, tag
from agent.evaluation.records import Run

NONE_GIVEN = "This policy gives no confidence, so there is nothing to compare with its success."
NOTE = (
    "Of the episodes in which the policy was so sure on average, how many succeeded? Points on the diagonal mean that "
    "it knows; below it boasts, above it is too modest. Each point has Wilson's 95 % interval and n, its number of "
    "episodes. ECE is the mean distance from the diagonal over the episodes; with few episodes in a bin chance alone "
    "makes it large. The Brier score is the mean squared error of the confidence; always to say the overall rate "
    "scores the value beside it."
)


def calibration_section(run: Run) -> Markup:
    """Return the reliability diagram with its figures, or one sentence when there is nothing to draw."""
    found = calibration(run.records)
    title = tag("h2", "Calibration")
    if not found.bins:
        return tag("section", title, tag("p", NONE_GIVEN), id="calibration")
    rows = [_row(each) for each in found.bins]
    whole = table(("confidence", "n", "mean confidence", "success", "Wilson 95 %"), rows)
    parts = [tag("p", NOTE, class_="faint"), tag("p", summary(found)), reliability_chart(found.bins), whole]
    return tag("section", title, *parts, id="calibration")


def summary(found: Calibration) -> str:
    """Return the figures in one line."""
    silent = f"; {found.silent} episodes without confidence are left out" if found.silent else ""
    return (
        f"ECE {found.ece:.3f}, Brier {found.brier:.3f} (overall rate: {found.base_brier:.3f}), "
        f"n = {found.episodes}{silent}"
    )


def _row(each: Bin) -> list[Markup]:
    return [
        cell(f"{each.low:.2f} to {each.high:.2f}", each.low),
        cell(str(each.episodes)),
        cell(f"{each.confidence:.3f}", each.confidence),
        cell(f"{each.successes}/{each.episodes} = {100 * each.rate:.1f} %", each.rate),
        cell(each.interval.percent(), each.interval.low),
    ]
