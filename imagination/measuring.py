"""The figures behind every bar, each with the control that would make it meaningless were it as good."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from agent.types import ImageArray
from imagination.autoencoder import as_pictures, as_pixels, decode, encode, load_autoencoder, psnr
from imagination.captions import PlacedBox, draw_caption, read_caption, write_caption
from imagination.collecting import Clip
from imagination.denoiser import FRAMES
from imagination.figures import Figure, clips_from, mean, middle, pairs_from, share, stills_from
from imagination.goals import MOVED
from imagination.hands import Motion
from imagination.imaginer import Draw, LatentImaginer, layout_row
from imagination.judge import Found, Judge, Reading, load_judge, place_of
from imagination.pairs import Pair
from imagination.reading import apart, find, read_boxes_back, shows
from imagination.samples import Row, random_hole
from imagination.staging import stage_caption
from imagination.stills import ARM, FIRST_THING, Still
from imagination.vocabulary import CLASSES, COLOUR_NAMES, GROUND
from sim.objects import Description

BATCH = 16


def measure_judge(judge: Judge, *, n: int, seed: int) -> list[Figure]:
    """How well the judge reads real renders; without it no other figure means anything."""
    pixels, thing_pixels, kinds, looks, off = [], [], [], [], []
    for still in tqdm(stills_from(seed, n), total=n, desc="judge"):
        seen = Reading(judge, still.rgb)
        classes, colours = seen.classes, seen.colours
        truth = _classes(still)
        pixels.append(float((classes == truth).mean()))
        on_things = still.who >= FIRST_THING
        thing_pixels.append(float((classes == truth)[on_things].mean()))
        for index, thing in enumerate(still.things):
            mask = still.who == FIRST_THING + index
            if thing.box is None:
                continue
            kind = CLASSES[int(np.bincount(classes[mask]).argmax())]
            colour = COLOUR_NAMES[int(np.bincount(colours[mask]).argmax())]
            kinds.append(kind == thing.kind)
            looks.append(kind == thing.kind and colour == thing.colour)
            x, y = place_of(mask)
            off.append(100 * float(np.hypot(x - thing.xy[0], y - thing.xy[1])))
    return [
        mean("pixels right", pixels),
        mean("pixels of things right", thing_pixels),
        share("things of the right kind", kinds),
        share("things of the right kind and colour", looks),
        middle("distance between a mask's place and the thing's", off, "cm"),
    ]


def measure_autoencoder(folder: Path, *, n: int, seed: int) -> list[Figure]:
    """Reconstruction, and the control: the picture shrunk to as many numbers as the latent has, and enlarged again."""
    model = load_autoencoder(folder)
    whole, things, control = [], [], []
    for still in tqdm(stills_from(seed, n), total=n, desc="autoencoder"):
        seen = as_pictures(decode(model, encode(model, as_pixels(still.rgb[None]))))[0]
        mask = still.who >= FIRST_THING
        whole.append(psnr(seen, still.rgb))
        things.append(psnr(seen[mask], still.rgb[mask]))
        small = Image.fromarray(still.rgb).resize((26, 26), Image.Resampling.BOX)
        control.append(psnr(np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC)), still.rgb))
    return [mean("psnr", whole, "dB"), mean("psnr on things", things, "dB"), mean("control: 26 x 26", control, "dB")]


def measure_scene(imaginer: LatentImaginer, judge: Judge, *, n: int, seed: int, draw: Draw) -> list[Figure]:
    """Things there and relations true; the controls are one draft, another picture's caption, drawing from the words
    without boxes, and the judge on real renders."""
    rng = np.random.default_rng([seed, 31])
    stills = list(stills_from(seed, n))
    captions = [draw_caption(still.things, rng) for still in stills]
    texts = [write_caption(caption, rng) for caption in captions]
    rows = [layout_row(stage_caption(read_caption(text), rng), text) for text in texts]
    staged, single = (drawn(imaginer, rows, one) for one in (draw, replace(draw, candidates=1)))
    bare = drawn(imaginer, [Row("scene", text=text) for text in texts], draw)
    own = [Reading(judge, picture[0]) for picture in staged]
    sources = (
        ("", own),
        ("control, one draft: ", [Reading(judge, picture[0]) for picture in single]),
        ("control, caption of another picture: ", own[1:] + own[:1]),
        ("control, words without boxes: ", [Reading(judge, picture[0]) for picture in bare]),
        ("ceiling, real renders: ", [Reading(judge, still.rgb) for still in stills]),
    )
    figures = []
    for name, found in sources:
        verdicts = [shows(caption, seen) for caption, seen in zip(captions, found, strict=True)]
        figures.append(share(f"{name}named things there", [there for there, _ in verdicts]))
        figures.append(share(f"{name}and related as said", [both for _, both in verdicts]))
    return figures


def measure_layout(imaginer: LatentImaginer, judge: Judge, *, n: int, seed: int, draw: Draw) -> list[Figure]:
    """Boxes read back; the controls are one draft, the boxes of another picture, and the judge on real renders."""
    stills = list(stills_from(seed, n))
    asked = [placed_boxes(still) for still in stills]
    rows = [layout_row(boxes, None) for boxes in asked]
    found, single = (
        [Reading(judge, picture[0]).things for picture in drawn(imaginer, rows, one)]
        for one in (draw, replace(draw, candidates=1))
    )
    sources = (
        ("", found),
        ("control, one draft: ", single),
        ("control, boxes of another: ", found[1:] + found[:1]),
        ("real renders: ", [Reading(judge, still.rgb).things for still in stills]),
    )
    figures = []
    for name, seen in sources:
        pairs = [pair for boxes, things in zip(asked, seen, strict=True) for pair in read_boxes_back(boxes, things)]
        figures.append(mean(f"{name}mean overlap", [overlap for overlap, _ in pairs]))
        figures.append(share(f"{name}class right", [right for _, right in pairs]))
    return figures


def measure_inpaint(imaginer: LatentImaginer, judge: Judge, *, n: int, seed: int, draw: Draw) -> list[Figure]:
    """What must stay stays; what may change does."""
    rng = np.random.default_rng([seed, 33])
    outside, changed, kept = [], [], []
    for still in tqdm(list(stills_from(seed, n)), desc="inpaint"):
        hole = random_hole(still.who, len(still.things), rng)
        seen = imaginer.inpaint(still.rgb, hole, None, replace(draw, quiet=True))
        outside.append(float(np.abs(seen[~hole].astype(int) - still.rgb[~hole].astype(int)).max(initial=0)))
        changed.append(float(np.abs(seen[hole].astype(int) - still.rgb[hole].astype(int)).mean()))
        before, after = Reading(judge, still.rgb).classes, Reading(judge, seen).classes
        guarded = (before >= len(GROUND)) | (before == ARM)
        both = (guarded & ~hole & (before == after)).sum()
        kept.append(float(both / max(1, (guarded & ~hole).sum())))
    return [
        Figure("largest change outside the hole", float(np.max(outside)), n, "of 255"),
        mean("mean change inside the hole", changed, "of 255"),
        mean("kept pixels read as before", kept),
    ]


def measure_goal(imaginer: LatentImaginer, judge: Judge, *, n: int, seed: int, draw: Draw) -> list[Figure]:
    """Goal pictures against what really happened, where it moved something by more than MOVED; the controls are one
    draft, the present frame, drawing from the words without a box, and the true goal."""
    pairs = [pair for pair in pairs_from(seed, n) if way(pair) > MOVED]
    rows = [imaginer.goal_row(pair.before.rgb, pair.instruction) for pair in pairs]
    bare = [Row("goal", text=row.text, present=row.present, picture=row.picture) for row in rows]
    figures = []
    sources: tuple[tuple[str, list[ImageArray]], ...] = (
        ("", [picture[0] for picture in drawn(imaginer, rows, draw)]),
        ("control, one draft: ", [picture[0] for picture in drawn(imaginer, rows, replace(draw, candidates=1))]),
        ("control, words without a box: ", [picture[0] for picture in drawn(imaginer, bare, draw)]),
        ("control, the present frame: ", [pair.before.rgb for pair in pairs]),
        ("oracle, what the expert did: ", [pair.after.rgb for pair in pairs]),
    )
    for name, shown in sources:
        verdicts = [goal_verdict(judge, pair, picture) for pair, picture in zip(pairs, shown, strict=True)]
        figures.append(share(f"{name}right object moved", [moved for moved, _ in verdicts]))
        figures.append(middle(f"{name}median position error, missing counted as 50 cm", [e for _, e in verdicts], "cm"))
    return figures


def measure_video(imaginer: LatentImaginer, judge: Judge, *, n: int, seed: int, draw: Draw) -> list[Figure]:
    """Rollouts of eight actions in which the object moves; the controls are the frame repeated and wrong actions."""
    cases = [case for clip in clips_from(seed, n) if (case := moving(clip)) is not None]
    frames = [clip.stills[now].rgb for clip, now in cases]
    motions = [Motion(clip.actions[now:][:FRAMES], clip.stills[now].hand) for clip, now in cases]
    others = [Motion(other.actions, own.hand) for own, other in zip(motions, motions[1:] + motions[:1], strict=True)]
    rows, wrong = (
        [imaginer.rollout_rows(frame, [motion])[0] for frame, motion in zip(frames, several, strict=True)]
        for several in (motions, others)
    )
    true = [np.stack([still.rgb for still in clip.stills[now + 1 :][:FRAMES]]) for clip, now in cases]
    sources = (
        ("", drawn(imaginer, rows, draw)),
        ("control, frame repeated: ", [np.stack([frame] * FRAMES) for frame in frames]),
        ("control, actions of another: ", drawn(imaginer, wrong, draw)),
        ("true frames: ", true),
    )
    figures = []
    for name, shown in sources:
        errors = [
            subject_error(judge, clip, clip.stills[now + FRAMES], film[-1])
            for (clip, now), film in zip(cases, shown, strict=True)
        ]
        values = [psnr(film, real) for film, real in zip(shown, true, strict=True)]
        figures.append(middle(f"{name}median object error at 8 steps, missing counted as 50 cm", errors, "cm"))
        figures.append(mean(f"{name}psnr", [min(value, 60.0) for value in values], "dB"))
    return figures


def drawn(imaginer: LatentImaginer, rows: Sequence[Row], draw: Draw) -> list[ImageArray]:
    """Draw all rows, a few at a time; each with its own seed."""
    pictures: list[ImageArray] = []
    for start in tqdm(range(0, len(rows), BATCH), desc="drawing"):
        now = replace(draw, seed=draw.seed + start, quiet=True)
        pictures += list(imaginer.draw(rows[start : start + BATCH], now))
    return pictures


def placed_boxes(still: Still) -> list[PlacedBox]:
    """Return the boxes of what is visible."""
    return [PlacedBox(Description(thing.kind, thing.colour), thing.box) for thing in still.things if thing.box]


def goal_verdict(judge: Judge, pair: Pair, picture: ImageArray) -> tuple[bool, float]:
    """Whether the subject is no longer where it was, and how far [cm] it is from where the true goal shows it."""
    start = pair.before.things[pair.subject]
    meant = Description(start.kind, start.colour)
    end = pair.after.things[pair.subject].xy
    seen = find(meant, Reading(judge, picture), near=end)
    if seen is None:
        return False, 50.0
    real = find(meant, Reading(judge, pair.after.rgb), near=end)
    return _apart(seen, start.xy) > 100 * MOVED, _apart(seen, real.xy if real else end)


def subject_error(judge: Judge, clip: Clip, truth: Still, picture: ImageArray) -> float:
    thing = truth.things[clip.subject]
    seen = find(Description(thing.kind, thing.colour), Reading(judge, picture), near=thing.xy)
    real = find(Description(thing.kind, thing.colour), Reading(judge, truth.rgb), near=thing.xy)
    if seen is None or real is None:
        return 50.0
    return _apart(seen, real.xy)


def _apart(seen: Found, xy: tuple[float, float]) -> float:
    return 100 * apart(seen.xy, xy)


def way(pair: Pair) -> float:
    """How far [m] the subject is from where it was when all is done."""
    return apart(pair.before.things[pair.subject].xy, pair.after.things[pair.subject].xy)


def moving(clip: Clip) -> tuple[Clip, int] | None:
    """The first tick from which the subject moves at least MOVED within eight steps."""
    places = np.array([still.things[clip.subject].xy for still in clip.stills])
    for now in range(len(places) - FRAMES):
        if float(np.hypot(*(places[now + FRAMES] - places[now]))) > MOVED:
            return clip, now
    return None


def _classes(still: Still) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    truth = still.who.astype(np.int64)
    for index, thing in enumerate(still.things):
        truth[still.who == FIRST_THING + index] = CLASSES.index(thing.kind)
    return truth


Measure = Callable[..., list[Figure]]
LATENT_MEASURES: dict[str, Measure] = {
    "scene": measure_scene,
    "layout": measure_layout,
    "inpaint": measure_inpaint,
    "goal": measure_goal,
    "video": measure_video,
}


def run(what: str, *, n: int, model: Path, judge: Path, critic: Path, draw: Draw) -> list[Figure]:
    """Measure one thing on `n` cases from draw.seed on; `what` is "judge", "autoencoder" or a key of
    LATENT_MEASURES."""
    if what == "judge":
        return measure_judge(load_judge(judge), n=n, seed=draw.seed)
    if what == "autoencoder":
        return measure_autoencoder(model, n=n, seed=draw.seed)
    imaginer = LatentImaginer(model, critic=critic)
    return LATENT_MEASURES[what](imaginer, load_judge(judge), n=n, seed=draw.seed, draw=draw)
