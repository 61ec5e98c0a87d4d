"""Numbers for what pictures show: the classes of a pixel and the colours of a thing, in an order that never changes."""

from sim.objects import COLOURS, KINDS

KIND_NAMES: tuple[str, ...] = tuple(sorted(KINDS))
COLOUR_NAMES: tuple[str, ...] = tuple(COLOURS)
KIND_NUMBER = {name: number for number, name in enumerate(KIND_NAMES)}
COLOUR_NUMBER = {name: number for number, name in enumerate(COLOUR_NAMES)}
GROUND = ("background", "table", "arm")
"""Pixel classes that are no things; they come first."""
CLASSES: tuple[str, ...] = (*GROUND, *KIND_NAMES)
NOTHING = -1
"""Kind and colour of an empty place in an array of things."""
