"""What training tells the backbone: where things are, what they are, what a question means, where to act."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from agent.notes import ABSENT, ENTITY_COLUMNS, NONE, QUESTION_COLUMNS
from policies.backbone import Seen
from policies.camera import Pinhole
from policies.reader import Reading
from policies.regions import SORTS, Regions, heat_targets

DECOYS = 2
"""Places without a thing that training adds to a picture's regions, so that such peaks are known for what they are."""
APART = 0.15
"""Half pictures; a decoy nearer to a thing than this is left out."""
JITTER = 0.02
"""Half pictures; how far a region may lie off its thing."""
_E = {name: number for number, name in enumerate(ENTITY_COLUMNS)}
_Q = {name: number for number, name in enumerate(QUESTION_COLUMNS)}


@dataclass(eq=False)
class Labels:
    """What is true of a batch. entities (B, M, E), questions (B, Q, K): as `agent.notes` names their columns.
    text (B, Q, N, E) and text_mask (B, Q, N): the questions' words; a question without words does not count.
    tokens (B, L) and weights (B, L): action tokens for the first question and how much each counts.  actions (B, T, A),
    normalised, and shown (B, T), 0 or 1: the rows they were made of, and which of them the expert showed."""

    entities: Tensor
    questions: Tensor
    text: Tensor
    text_mask: Tensor
    tokens: Tensor
    weights: Tensor
    actions: Tensor
    shown: Tensor


@dataclass(eq=False)
class Asked:
    """The P questions of a batch. picture (P,): which picture each is about.  first (P,): it is that picture's first.
    text (P, N, E), text_mask (P, N).  relation (P,).  subject (P,): row of its entity, negative where there is none.
    chosen (P, 2): classes of subject and target, R for what is not there and R + 1 for none.  known (P, 2): False for
    what cannot be chosen since it stands outside the picture.  aims (P, 2, 3) [m], yaw (P,) [rad]: NaN where undefined.
    """

    picture: Tensor
    first: Tensor
    text: Tensor
    text_mask: Tensor
    relation: Tensor
    subject: Tensor
    chosen: Tensor
    known: Tensor
    aims: Tensor
    yaw: Tensor

    def rows(self, keep: Tensor) -> "Asked":
        """Some of the questions."""
        return Asked(*(part[keep] for part in vars(self).values()))


def questions_of(labels: Labels, regions: Regions) -> Asked:
    """Every question that has words, with what it means among the regions, of which the first are the entities."""
    picture, number = labels.text_mask.any(dim=2).nonzero(as_tuple=True)
    questions = labels.questions[picture, number]
    most = regions.there.shape[1]
    rows = questions[:, _Q["subject"] : _Q["target"] + 1].long()
    chosen = torch.where(rows == ABSENT, most, torch.where(rows == NONE, most + 1, rows))
    known = regions.there[picture].gather(1, rows.clamp(min=0)) | (rows < 0)
    # A question about what is not there says nothing of its target.
    known[:, 1] &= rows[:, 0] != ABSENT
    start, end = questions[:, _Q["start_x"] : _Q["start_z"] + 1], questions[:, _Q["end_x"] : _Q["end_z"] + 1]
    return Asked(
        picture=picture,
        first=number == 0,
        text=labels.text[picture, number],
        text_mask=labels.text_mask[picture, number],
        relation=questions[:, _Q["relation"]].long(),
        subject=rows[:, 0],
        chosen=chosen,
        known=known,
        aims=torch.stack([start, end], dim=1),
        yaw=questions[:, _Q["start_yaw"]],
    )


def true_regions(entities: Tensor, noise: Tensor, camera: Pinhole) -> Regions:
    """Where things are in the picture, moved by up to one and a half pixels, and DECOYS places where nothing is.

    noise (B, M + DECOYS, 2) in [-1, 1].
    """
    most = entities.shape[1]
    places = camera.project(torch.nan_to_num(entities[:, :, _E["x"] : _E["z"] + 1]))
    there = (entities[:, :, _E["kind"]] >= 0) & (places.abs() < 1).all(dim=2)
    places = torch.where(there[:, :, None], places + JITTER * noise[:, :most], torch.zeros_like(places))
    sort = (entities[:, :, _E["graspable"]] <= 0).float()
    decoys = noise[:, most:]
    near = (decoys[:, :, None] - places[:, None]).norm(dim=3) < APART
    empty = ~(near & there[:, None]).any(dim=2)
    return Regions(
        torch.cat([places, decoys], dim=1),
        torch.cat([sort, (decoys[:, :, 0] > 0).float()], dim=1),
        torch.cat([there, empty], dim=1),
    )


def heat_loss(seen: Seen, regions: Regions) -> Tensor:
    """Focal loss of the centres (CenterNet, arXiv 1904.07850) and the offsets from their cells."""
    most = regions.places.shape[1] - DECOYS
    real = Regions(regions.places[:, :most], regions.sort[:, :most], regions.there[:, :most])
    heat, index, offset = heat_targets(real, *seen.heat.shape[2:])
    chance = seen.heat.float().sigmoid().clamp(1e-4, 1 - 1e-4)
    hit = -((1 - chance) ** 2) * chance.log()
    miss = -((1 - heat) ** 4) * chance**2 * (1 - chance).log()
    count = real.there.sum().clamp(min=1)
    flat = seen.offsets.flatten(2).transpose(1, 2)
    both = flat.gather(1, index[:, :, None].expand(-1, -1, 2 * SORTS)).view(*index.shape, SORTS, 2)
    mine = both.gather(2, real.sort.long()[:, :, None, None].expand(-1, -1, 1, 2))[:, :, 0]
    away = ((mine - offset).abs() * real.there[:, :, None]).sum()
    loss: Tensor = (torch.where(heat >= 0.999, hit, miss).sum() + away) / count
    return loss


def name_loss(kinds: Tensor, colours: Tensor, there: Tensor, entities: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of what stands in each region and its colour; and the share of kinds told right.

    kinds (B, R, K), colours (B, R, C): logits, of which the first rows are the entities.
    """
    most = entities.shape[1]
    kind, colour = entities[:, :, _E["kind"]].long(), entities[:, :, _E["colour"]].long()
    there = there[:, :most]
    of_kind, of_colour = there & (kind < kinds.shape[2]), there & (colour < colours.shape[2])
    guess = kinds[:, :most][of_kind]
    loss = functional.cross_entropy(guess, kind[of_kind])
    loss = loss + functional.cross_entropy(colours[:, :most][of_colour], colour[of_colour])
    return loss, (guess.argmax(dim=1) == kind[of_kind]).float().mean()


def choice_loss(reading: Reading, asked: Asked) -> tuple[Tensor, Tensor]:
    """Cross-entropy of subject, target and relation; and the share of questions whose two things are chosen right."""
    subject, target = asked.known.unbind(dim=1)
    loss = functional.cross_entropy(reading.relation, asked.relation) * 0.3
    loss = loss + functional.cross_entropy(reading.subject[subject], asked.chosen[:, 0][subject])
    loss = loss + functional.cross_entropy(reading.target[target], asked.chosen[:, 1][target])
    right = (reading.subject.argmax(dim=1) == asked.chosen[:, 0]) | ~subject
    right &= (reading.target.argmax(dim=1) == asked.chosen[:, 1]) | ~target
    return loss, right.float().mean()


def clearance(guess: Tensor, entities: Tensor, asked: Asked) -> Tensor:
    """How far off (scalar, smooth) the guess (P,) is of how high the highest thing stands besides the subject [m]."""
    rows = torch.arange(entities.shape[1], device=entities.device)
    other = (entities[:, :, _E["kind"]] >= 0) & (rows != asked.subject[:, None])
    top = torch.where(other, torch.nan_to_num(entities[:, :, _E["top"]]), 0.0).amax(dim=1).clamp(0.0, 0.5)
    return functional.smooth_l1_loss(guess, top, beta=0.01)


def held_loss(guess: Tensor, entities: Tensor, asked: Asked) -> Tensor:
    """Cross-entropy of whether the hand holds the subject; guess (P,): logits."""
    row = asked.subject.clamp(min=0)[:, None, None].expand(-1, 1, entities.shape[2])
    held = entities.gather(1, row)[:, 0, _E["held"]].clamp(min=0)
    return functional.binary_cross_entropy_with_logits(guess, held, weight=(asked.subject >= 0).float())


def aim_loss(guess: Tensor, aims: Tensor) -> tuple[Tensor, Tensor]:
    """guess, aims (P, 2, 3) metres -> smooth L1 distance in decimetres, and the mean distance in centimetres."""
    known = torch.isfinite(aims).all(dim=2)
    miss = (guess - torch.nan_to_num(aims)) * known[:, :, None]
    count = known.sum().clamp(min=1)
    loss = functional.smooth_l1_loss(miss * 10, torch.zeros_like(miss), beta=0.1, reduction="sum") / count
    return loss, (miss.detach().norm(dim=2).sum() / count) * 100


def turn_loss(guess: Tensor, yaw: Tensor) -> Tensor:
    """guess (P, 2): cosine and sine of twice the yaw (P,); a gripper is as good turned by half a turn."""
    known = torch.isfinite(yaw)
    twice = 2 * torch.nan_to_num(yaw)
    miss = (guess - torch.stack([twice.cos(), twice.sin()], dim=1)) * known[:, None]
    loss: Tensor = functional.smooth_l1_loss(miss, torch.zeros_like(miss), beta=0.1, reduction="sum")
    return loss / known.sum().clamp(min=1)
