"""Inline SVG: intervals on a scale, and success by level. Colours come from the page's style sheet."""

from collections.abc import Sequence

from agent.evaluation.calibration import Bin
from agent.evaluation.html import Markup, join, tag
from agent.evaluation.statistics import Interval, Tally, clopper_pearson, percent_points, wilson

WIDTH, HEIGHT, MARGIN = 220, 22, 8


def rate_bar(counts: Tally) -> Markup:
    """Draw a rate on a scale from 0 to 1: a point, Wilson's interval thick, Clopper and Pearson's thin behind it."""
    score, exact = (interval(counts.successes, counts.trials) for interval in (wilson, clopper_pearson))
    label = f"{100 * counts.rate:.1f} %, Wilson {score.percent()}, Clopper–Pearson {exact.percent()}"
    return _bar(counts.rate, (("exact", exact), ("score", score)), low=0.0, label=label)


def difference_bar(difference: float, interval: Interval) -> Markup:
    """Draw a difference on a scale from -1 to 1 with its interval; the middle line is no difference."""
    return _bar(
        difference, (("score", interval),), low=-1.0, label=f"{percent_points(difference)} {interval.percent()}"
    )


def _bar(value: float, intervals: Sequence[tuple[str, Interval]], *, low: float, label: str) -> Markup:
    def across(number: float) -> float:
        return round(MARGIN + (WIDTH - 2 * MARGIN) * (number - low) / (1 - low), 2)

    middle, mean = HEIGHT / 2, (1 + low) / 2
    parts = [
        tag("line", x1=across(number), x2=across(number), y1=3, y2=HEIGHT - 3, class_="tick")
        for number in (low, mean, 1.0)
    ]
    for kind, interval in intervals:
        parts.append(tag("line", x1=across(interval.low), x2=across(interval.high), y1=middle, y2=middle, class_=kind))
    parts.append(tag("circle", cx=across(value), cy=middle, r=4, class_="point"))
    size = {"width": WIDTH, "height": HEIGHT}
    return tag("svg", tag("title", label), *parts, role="img", viewBox=f"0 0 {WIDTH} {HEIGHT}", **size)


def level_chart(levels: Sequence[tuple[int, Tally]]) -> Markup:
    """Draw success by level, 0 (nothing perturbed) to the highest, each with Wilson's interval."""
    width, height, left, bottom = 320, 170, 40, 24
    highest = max(level for level, _ in levels) or 1

    def across(level: int) -> float:
        return round(left + 14 + (width - left - 28) * level / highest, 2)

    def up(rate: float) -> float:
        return round(8 + (height - bottom - 8) * (1 - rate), 2)

    parts = []
    for rate in (0.0, 0.5, 1.0):
        parts.append(tag("line", x1=left, x2=width, y1=up(rate), y2=up(rate), class_="tick"))
        parts.append(tag("text", f"{100 * rate:.0f} %", x=left - 4, y=up(rate) + 4, text_anchor="end"))
    for level, counts in levels:
        interval = wilson(counts.successes, counts.trials)
        x = across(level)
        parts.append(tag("line", x1=x, x2=x, y1=up(interval.low), y2=up(interval.high), class_="score"))
        parts.append(tag("circle", cx=x, cy=up(counts.rate), r=4, class_="point"))
        parts.append(tag("text", str(level), x=x, y=height - 6, text_anchor="middle"))
    path = " ".join(f"{across(level)},{up(counts.rate)}" for level, counts in levels)
    parts.insert(0, tag("polyline", points=path, class_="path"))
    title = tag("title", "; ".join(f"level {level}: {counts}" for level, counts in levels))
    return tag("svg", title, join(parts), role="img", viewBox=f"0 0 {width} {height}", width=width, height=height)


def reliability_chart(bins: Sequence[Bin]) -> Markup:
    """Draw success against confidence, both from 0 to 1: a point a bin, Wilson's interval, n, and the diagonal."""
    side, left, bottom, top = 300, 44, 40, 22

    def across(number: float) -> float:
        return round(left + (side - left - 12) * number, 2)

    def up(number: float) -> float:
        return round(top + (side - bottom - top) * (1 - number), 2)

    parts = [tag("polyline", points=f"{across(0)},{up(0)} {across(1)},{up(1)}", class_="path")]
    for number in (0.0, 0.5, 1.0):
        parts.append(tag("line", x1=across(0), x2=across(1), y1=up(number), y2=up(number), class_="tick"))
        parts.append(tag("text", f"{100 * number:.0f} %", x=left - 4, y=up(number) + 4, text_anchor="end"))
        parts.append(tag("text", f"{number:g}", x=across(number), y=side - bottom + 16, text_anchor="middle"))
    parts.append(tag("text", "confidence", x=across(0.5), y=side - 6, text_anchor="middle"))
    for each in bins:
        x = across(each.confidence)
        parts.append(tag("line", x1=x, x2=x, y1=up(each.interval.low), y2=up(each.interval.high), class_="score"))
        parts.append(tag("circle", cx=x, cy=up(each.rate), r=4, class_="point"))
        parts.append(tag("text", f"n={each.episodes}", x=x, y=up(each.interval.high) - 5, text_anchor="middle"))
    said = "; ".join(f"{each.confidence:.2f}: {each.successes}/{each.episodes}" for each in bins)
    return tag(
        "svg",
        tag("title", f"success by confidence: {said}"),
        join(parts),
        role="img",
        viewBox=f"0 0 {side} {side}",
        width=side,
        height=side,
    )
