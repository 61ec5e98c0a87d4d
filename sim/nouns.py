"""How things and places are named and pointed at, as data: nouns, colours, positions, directions, politeness.

Every pair is (seen words, words that are held out). A synonym that is itself the name of a kind in the catalogue is
dropped by `sim.grammar`, so "cup" means the mug only while there is no cup.
"""

Words = tuple[str, ...]

NOUNS: dict[str, tuple[Words, Words]] = {
    "eggplant": (("eggplant", "aubergine"), ("brinjal",)),
    "corn": (("corn", "corn cob"), ("maize", "ear of corn", "sweetcorn")),
    "pepper": (("pepper", "bell pepper"), ("capsicum", "sweet pepper")),
    "cucumber": (("cucumber",), ("gherkin",)),
    "potato": (("potato",), ("spud",)),
    "strawberry": (("strawberry",), ("berry",)),
    "lime": (("lime",), ("lime fruit",)),
    "orange": (("orange",), ("tangerine", "mandarin")),
    "spoon": (("spoon",), ("tablespoon",)),
    "mug": (("mug", "cup"), ("coffee cup", "tankard")),
    "cup": (("cup",), ("beaker", "tumbler")),
    "can": (("can", "tin"), ("soda can", "tin can")),
    "bottle": (("bottle",), ("flask",)),
    "sponge": (("sponge",), ("scrubber", "scouring pad")),
    "cube": (("cube", "block"), ("brick", "building block")),
    "block": (("block",), ("slab",)),
    "cylinder": (("cylinder",), ("drum", "round block")),
    "ball": (("ball",), ("sphere",)),
    "dice": (("dice", "die"), ("gaming die",)),
    "duck": (("duck", "rubber duck"), ("duckling", "toy duck")),
    "car": (("car", "toy car"), ("automobile", "vehicle")),
    "brush": (("brush",), ("scrubbing brush",)),
    "bread": (("bread", "loaf of bread"), ("bread roll",)),
    "cheese": (("cheese",), ("cheese wedge", "piece of cheese")),
    "mushroom": (("mushroom",), ("champignon", "toadstool")),
    "broccoli": (("broccoli",), ("broccoli floret",)),
    "coaster": (("coaster",), ("drink mat", "cup mat")),
    "cutting board": (("cutting board",), ("chopping board",)),
    "marker": (("marker", "felt pen"), ("highlighter",)),
    "bowl": (("bowl",), ("basin",)),
    "plate": (("plate", "dish"), ("saucer",)),
    "basket": (("basket",), ("hamper",)),
    "tray": (("tray",), ("platter",)),
    "towel": (("towel", "cloth"), ("napkin", "rag")),
    "box": (("box",), ("crate", "carton")),
    "pot": (("pot",), ("saucepan",)),
    "pan": (("pan", "frying pan"), ("skillet",)),
}
"""Kind -> its nouns; a kind that is not here is called by its own name only."""

POSITIONS: dict[str, tuple[Words, Words]] = {
    "left": (("left",), ("leftmost", "left hand")),
    "right": (("right",), ("rightmost", "right hand")),
    "front": (("front",), ("nearest", "closest", "frontmost")),
    "back": (("back",), ("rear", "farthest", "furthest")),
}
"""Position -> adjectives: "the left cube"."""

TRAILS: dict[str, tuple[Words, Words]] = {
    "left": (("on the left",), ("on the left hand side", "that is on the left")),
    "right": (("on the right",), ("on the right hand side", "that is on the right")),
    "front": (("at the front",), ("that is nearer to me", "that is at the front")),
    "back": (("at the back",), ("that is farther from me", "that is at the back")),
}
"""Position -> what may follow the noun: "the cube on the left"."""

COLOUR_ENDINGS: tuple[Words, Words] = (("",), (" colored", " coloured"))
"""After the colour: "the red cube", "the red coloured cube"."""

COLOUR_SYNONYMS: dict[str, Words] = {
    "purple": ("violet",),
    "gray": ("grey",),
    "orange": ("amber",),
    "pink": ("rose",),
    "white": ("ivory",),
}
"""Understood, never said."""

WHERE: dict[tuple[str, str | None], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("left of", None): (
        ("to the left of", "left of", "on the left of"),
        ("on the left side of", "on the left hand side of", "directly left of"),
    ),
    ("right of", None): (
        ("to the right of", "right of", "on the right of"),
        ("on the right side of", "on the right hand side of", "directly right of"),
    ),
    ("in front of", None): (("in front of",), ("directly in front of", "just in front of", "on the near side of")),
    ("behind", None): (("behind",), ("directly behind", "just behind", "on the far side of")),
    ("push", "left"): (("to the left", "left"), ("towards the left", "over to the left", "leftwards")),
    ("push", "right"): (("to the right", "right"), ("towards the right", "over to the right", "rightwards")),
    ("push", "forward"): (("forward", "toward the camera"), ("forwards", "toward me", "closer to the camera")),
    ("push", "back"): (("back", "away from the camera"), ("backwards", "away from me", "further away")),
    ("move to", "left side"): (
        ("the left side of the table", "the left side"),
        ("the left half of the table", "the left part of the table", "the left edge of the table"),
    ),
    ("move to", "right side"): (
        ("the right side of the table", "the right side"),
        ("the right half of the table", "the right part of the table", "the right edge of the table"),
    ),
    ("move to", "front"): (
        ("the front of the table", "the front"),
        ("the near side of the table", "the front part of the table", "the front edge of the table"),
    ),
    ("move to", "back"): (
        ("the back of the table", "the back"),
        ("the far side of the table", "the rear of the table", "the back edge of the table"),
    ),
    ("move to", "middle"): (
        ("the middle of the table", "the center of the table", "the middle"),
        ("the centre of the table", "the center", "the central part of the table"),
    ),
}
"""(relation, target) -> seen and held-out words for {where}; sides take any target, so their key holds None."""

PLACE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "left side": (
        ("on the left side of the table", "on the left side"),
        ("on the left half of the table", "on the left"),
    ),
    "right side": (
        ("on the right side of the table", "on the right side"),
        ("on the right half of the table", "on the right"),
    ),
    "front": (("at the front of the table", "at the front"), ("on the near side of the table", "near the front edge")),
    "back": (("at the back of the table", "at the back"), ("on the far side of the table", "near the back edge")),
    "middle": (("in the middle of the table", "in the middle"), ("in the centre of the table", "in the center")),
}

REQUEST_OPENINGS: tuple[Words, Words] = (
    ("please ", "could you ", "can you ", "could you please ", "robot, ", "now "),
    ("i would like you to ", "would you kindly ", "go ahead and ", "your task is to ", "be so kind as to "),
)
REQUEST_CLOSINGS: tuple[Words, Words] = (
    (" please", ", thanks", " for me"),
    (", if you can", ", would you", " right away"),
)

UNDERSTOOD_OPENINGS: Words = (
    *(
        "please",
        "could you",
        "can you",
        "would you",
        "will you",
        "robot",
        "hey robot",
        "hey",
        "hello",
        "hi",
        "now",
        "then",
    ),
    *(
        "next",
        "first",
        "finally",
        "kindly",
        "i would like you to",
        "i want you to",
        "i need you to",
        "go ahead and",
        "ok",
    ),
    *("okay", "your task is to", "be so kind as to", "the task is to", "try to", "and", "just", "lets", "let us", "so"),
)
UNDERSTOOD_CLOSINGS: Words = (
    *("please", "thanks", "thank you", "thank you very much", "for me", "if you can", "if you please", "if possible"),
    *("would you", "could you", "will you", "right away", "now", "right now", "carefully", "gently", "again"),
)

DETERMINERS: Words = ("the", "a", "an", "that", "this", "my", "your", "one")
SIZES: Words = (
    "big",
    "small",
    "large",
    "little",
    "tall",
    "short",
    "tiny",
    "ripe",
    "fresh",
    "nice",
    "whole",
    "single",
    "only",
)
"""Understood and passed over: an entity has no size, and the scene holds one thing of that name."""

# fmt: off
NO_OBJECT: frozenset[str] = frozenset((
    "it", "them", "they", "this", "that", "these", "those", "everything", "anything", "something", "nothing", "all",
    "both", "each", "every", "any", "some", "thing", "things", "object", "objects", "item", "items", "stuff", "one",
    "ones", "other", "others", "another", "table", "robot", "arm", "hand", "gripper", "fingers", "finger",
    "yourself", "me", "you", "we", "us", "myself", "in", "on", "onto", "into", "to", "of", "from", "off", "at",
    "by", "with", "and", "or", "not", "up", "down", "out", "over", "under", "left", "right", "front", "back",
    "middle", "side", "the", "a", "an", "be", "is", "are", "air", "way", "there", "here", "top", "bit", "little",
    "food", "fruit", "fruits", "vegetable", "vegetables", "toy", "toys", "tool", "tools", "two", "three", "four",
    "five", "scene", "camera",
))
# fmt: on
"""Words that never make a phrase the name of one unknown object."""
