"""Films of episodes, carried inside the page."""

from base64 import b64encode
from collections import defaultdict
from pathlib import Path

from agent.evaluation.html import Markup, tag
from agent.evaluation.records import EpisodeRecord, Run

MOST_FILMS = 24
MOST_BYTES = 24_000_000
"""Of all films together before they are written as text, which makes them a third larger."""
KINDS = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
}


def failures(run: Run) -> list[EpisodeRecord]:
    """Return the episodes that count and did not succeed, dealt over the rows in turn, so that each row shows some."""
    lost: dict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in run.records:
        if record.counts and not record.succeeded:
            lost[record.row].append(record)
    turns = max(map(len, lost.values()), default=0)
    return [lost[row][turn] for turn in range(turns) for row in sorted(lost) if turn < len(lost[row])]


def gallery(run: Run) -> Markup:
    """Show the films of failures that the folder holds, as many as fit."""
    figures: list[Markup] = []
    size, missing = 0, 0
    for record in failures(run):
        film = run.film(record)
        if film is None:
            continue
        weight = film.stat().st_size
        if len(figures) == MOST_FILMS or size + weight > MOST_BYTES:
            missing += 1
            continue
        size += weight
        figures.append(_figure(record, film))
    if not figures:
        return tag("p", "No failure was filmed; `aubergine eval --films N` films the first N.", class_="faint")
    note = [tag("p", f"{missing} more films lie in {run.folder / 'films'}.", class_="faint")] if missing else []
    return tag("div", tag("div", *figures, class_="gallery"), *note)


def _figure(record: EpisodeRecord, film: Path) -> Markup:
    kind = KINDS[film.suffix]
    source = f"data:{kind};base64,{b64encode(film.read_bytes()).decode('ascii')}"
    said = f"{record.row}, seed {record.seed}: “{record.instruction}” — {record.detail or record.outcome.value}"
    caption = tag("figcaption", said)
    if kind.startswith("video/"):
        film_tag = tag("video", src=source, controls=True, loop=True, muted=True, playsinline=True, preload="metadata")
        return tag("figure", film_tag, caption, class_="film")
    return tag("figure", tag("img", src=source, alt=said), caption, class_="strip")
