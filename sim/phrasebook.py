"""The words of the grammar, as data; `sim.grammar` turns them into instructions and back.

A line is a phrase with alternatives "(put|place)" (one of them is said; they do not nest) and slots:
{subject}, {target}   an entity: "the eggplant", "the cube on the left"
{where}               how the relation's target is said: a side, a direction or a region of the table
{where*}              the same in words that are held out
{place}, {place*}     a region with its preposition: "in the middle of the table"

Every line stands under its distance from training: 0 is seen, 1 a new wording around known words, 2 a verb that is
never seen, 3 an indirect way of asking. Distances 1 to 3 are held out, and so are the second entries of NOUNS
(distance 3) and the held-out ways of pointing at an entity (distance 1).
"""

SEEN, WORDING, VERB, INDIRECT = 0, 1, 2, 3

Lines = dict[int, tuple[str, ...]]

_BESIDE: Lines = {
    SEEN: (
        "(put|place|set|move|drop) {subject} {where} {target}",
        "(pick up|take|grab|lift) {subject} and (put|place|set|drop) it {where} {target}",
        "pick {subject} up and (put|place|set) it {where} {target}",
    ),
    WORDING: (
        "(put|place|set|move) {subject} {where*} {target}",
        "{where} {target} (put|place|set) {subject}",
        "(put|set) {subject} down {where} {target}",
        "(bring|slide|push) {subject} {where} {target}",
    ),
    VERB: (
        "(position|lay|deposit|stick|park|arrange|leave) {subject} {where} {target}",
        "(fetch|collect) {subject} and (position|lay|leave) it {where} {target}",
    ),
    INDIRECT: (
        "{subject} (belongs|goes|should be|should stand|has to be) {where} {target}",
        "i (want|need) {subject} {where} {target}",
        "(make sure|see to it that) {subject} ends up {where} {target}",
        "the place for {subject} is {where} {target}",
    ),
}

PHRASES: dict[str, Lines] = {
    "in": {
        SEEN: (
            "(put|place|set|drop) {subject} (in|into|inside) {target}",
            "move {subject} (into|inside) {target}",
            "(pick up|take|grab) {subject} and (put|place|drop) it (in|into|inside) {target}",
            "pick {subject} up and (put|place|drop) it (in|into) {target}",
        ),
        WORDING: (
            "(in|into|inside) {target} (put|place|drop) {subject}",
            "(put|set) {subject} down (in|inside) {target}",
            "(take|move|bring) {subject} over to {target} and (put|drop) it in",
            "put {subject} to the inside of {target}",
        ),
        VERB: (
            "(deposit|stick|pop|plop|stash|tuck|throw|toss|load) {subject} (in|into|inside) {target}",
            "(transfer|fetch) {subject} into {target}",
        ),
        INDIRECT: (
            "{subject} (belongs|should be|has to be) (in|inside) {target}",
            "{subject} (goes|should go|needs to go) (in|into) {target}",
            "i (want|need) {subject} (in|inside) {target}",
            "{target} should (contain|hold) {subject}",
            "fill {target} with {subject}",
            "(make sure|see to it that) {subject} ends up (in|inside) {target}",
        ),
    },
    "on": {
        SEEN: (
            "(put|place|set|drop) {subject} (on|onto|on top of) {target}",
            "move {subject} (onto|on top of) {target}",
            "(pick up|take|grab) {subject} and (put|place|set) it (on|onto) {target}",
            "pick {subject} up and (put|place|set) it (on|onto) {target}",
        ),
        WORDING: (
            "(on|onto) {target} (put|place|set) {subject}",
            "(put|set) {subject} down (on|on top of) {target}",
            "(put|place|set) {subject} (upon|atop) {target}",
            "(take|move|bring) {subject} over to {target} and put it on top",
        ),
        VERB: (
            "(lay|rest|position|deposit|stick|park|arrange|leave) {subject} (on|onto|on top of) {target}",
            "(transfer|fetch) {subject} onto {target}",
        ),
        INDIRECT: (
            "{subject} (belongs|should be|should lie|has to be) on {target}",
            "{subject} (goes|should go|needs to go) (on|onto) {target}",
            "i (want|need) {subject} on {target}",
            "{target} should (carry|support) {subject}",
            "use {target} as a base for {subject}",
            "(make sure|see to it that) {subject} ends up (on|on top of) {target}",
        ),
    },
    "stack": {
        SEEN: (
            "(stack|pile) {subject} (on|onto|on top of) {target}",
            "(put|place|set) {subject} (on|onto|on top of) {target}",
            "(pick up|take|grab) {subject} and (stack|put|place) it (on|on top of) {target}",
            "build a tower with {subject} on {target}",
        ),
        WORDING: (
            "(stack|pile) {subject} up on {target}",
            "on top of {target} (stack|put|place) {subject}",
            "(put|place|stack) {subject} (upon|atop) {target}",
            "(build|make) a (stack|pile) with {subject} on top of {target}",
        ),
        VERB: ("(balance|mount|rest|perch|position|lay|leave) {subject} (on|onto|on top of) {target}",),
        INDIRECT: (
            "{subject} (belongs|goes|should be|should sit|has to be) on top of {target}",
            "{target} should be (under|below|underneath) {subject}",
            "i (want|need) {subject} on top of {target}",
            "{target} should (carry|support) {subject}",
            "use {target} as a base for {subject}",
            "(build|make) a tower of {target} with {subject} on top",
        ),
    },
    "left of": _BESIDE,
    "right of": _BESIDE,
    "in front of": _BESIDE,
    "behind": _BESIDE,
    "push": {
        SEEN: (
            "(push|slide|move|nudge|shove|shift) {subject} {where}",
            "give {subject} a (push|nudge|shove) {where}",
            "(push|slide|nudge) {subject} a (bit|little) {where}",
        ),
        WORDING: (
            "(push|slide|move|shift) {subject} {where*}",
            "(push|slide) {subject} (over|along|across) the table {where}",
            "(push|nudge) {subject} so that it (moves|slides) {where}",
            "push against {subject} to move it {where}",
        ),
        VERB: (
            "(scoot|drag|sweep|bump|prod|poke|displace|budge) {subject} {where}",
            "give {subject} a (poke|bump|tap) {where}",
        ),
        INDIRECT: (
            "{subject} should (move|slide|go) {where}",
            "{subject} (needs|has) to (move|go) {where}",
            "make {subject} (move|slide|go) {where}",
            "get {subject} to (move|slide) {where}",
            "i (want|need) {subject} (moved|pushed|shifted) {where}",
        ),
    },
    "lift": {
        SEEN: (
            "(lift|raise|pick up|lift up|grab) {subject}",
            "(lift|pick) {subject} up",
            "(lift|raise|pick up) {subject} (off|from) the table",
            "(grab|take|grasp) {subject} and (lift|raise) it( up|)",
        ),
        WORDING: (
            "(lift|raise) {subject} (into the air|above the table|off the table top)",
            "(take|pick) {subject} (up |)off the table",
            "(grab|take|grasp) {subject} and pick it up",
            "(lift|raise) {subject} (a bit|higher|high)",
        ),
        VERB: (
            "(hoist|elevate|heave) {subject}( up|)",
            "(fetch|collect|scoop up|hold up) {subject}",
            "hold {subject} up",
        ),
        INDIRECT: (
            "{subject} should (be|hover) (in the air|above the table|off the table)",
            "i (want|need) {subject} (in the air|off the table|in your gripper)",
            "get {subject} (into the air|off the table)",
            "(make sure|see to it that) {subject} is (in the air|off the table)",
        ),
    },
    "open": {
        SEEN: (
            "(open|open up|pull open|slide open) {subject}",
            "(pull|slide|draw) {subject} (open|out)",
            "(pull|slide) out {subject}",
            "(grab|take) {subject} and (pull|slide) it (open|out)",
            "(pull|open) {subject} by (its|the) handle",
        ),
        WORDING: (
            "open {subject} (all the way|completely|fully|wide)",
            "(pull|slide) {subject} (all the way|fully) (open|out)",
            "(grab|take) the handle and (pull|slide) {subject} (open|out)",
            "pull the handle of {subject}",
            "get {subject} open",
        ),
        VERB: ("(yank|tug|drag|ease) {subject} (open|out)", "(extend|unclose) {subject}"),
        INDIRECT: (
            "{subject} should (be|stand) open",
            "i (want|need) {subject} (open|opened)",
            "(make sure|see to it that) {subject} is open",
            "do not leave {subject} (closed|shut)",
            "let me (see|look) inside {subject}",
        ),
    },
    "close": {
        SEEN: (
            "(close|shut|push shut|push closed|slide shut) {subject}",
            "(push|slide) {subject} (shut|closed|in|back in)",
            "push in {subject}",
            "(close|shut) {subject} (up|again)",
            "(push|slide) {subject} until it is (shut|closed)",
        ),
        WORDING: (
            "(close|shut) {subject} (all the way|completely|fully)",
            "(push|slide) {subject} (all the way|fully) (shut|closed|in)",
            "(push|slide) the front of {subject} until it is (shut|closed)",
            "get {subject} (closed|shut)",
        ),
        VERB: ("(bump|press|ease|knock) {subject} (shut|closed)", "(seal|slam) {subject}"),
        INDIRECT: (
            "{subject} should (be|stand) (closed|shut)",
            "i (want|need) {subject} (closed|shut)",
            "(make sure|see to it that) {subject} is (closed|shut)",
            "do not leave {subject} open",
            "{subject} must not (be|stay) open",
        ),
    },
    "take out": {
        SEEN: (
            "(take|get|pull|lift|pick) {subject} out of {target}",
            "(remove|take|get|lift) {subject} from {target}",
            "(pick up|grab) {subject} (from|from inside) {target}",
            "(take|get|lift) {subject} out of {target} and (put|place|set) it on the table",
        ),
        WORDING: (
            "(from|out of) {target} (take|lift|get) {subject}",
            "(get|take|pick) {subject} out from inside {target}",
            "(take|get|lift) {subject} back out of {target}",
            "put {subject} from {target} (on|onto) the table",
        ),
        VERB: (
            "(extract|withdraw|retrieve|fetch|unload) {subject} from {target}",
            "(fish|scoop|dig) {subject} out of {target}",
        ),
        INDIRECT: (
            "{subject} should (not|no longer) be (in|inside) {target}",
            "{subject} does not belong (in|inside) {target}",
            "i (want|need) {subject} out of {target}",
            "(empty|free) {target} of {subject}",
            "{target} should not (contain|hold) {subject}",
        ),
    },
    "move to": {
        SEEN: (
            "(move|bring|take|slide|push) {subject} (to|over to) {where}",
            "(put|place|set) {subject} {place}",
            "(pick up|take) {subject} and (put|place|set) it {place}",
        ),
        WORDING: (
            "(move|bring|take|slide|push) {subject} to {where*}",
            "(put|place|set) {subject} {place*}",
            "(put|set) {subject} down {place}",
            "{place} (put|place) {subject}",
        ),
        VERB: (
            "(carry|transfer|relocate|transport|deliver) {subject} to {where}",
            "(lay|position|park|deposit|leave) {subject} {place}",
        ),
        INDIRECT: (
            "{subject} (belongs|should be|should stand|has to be) {place}",
            "i (want|need) {subject} {place}",
            "(make sure|see to it that) {subject} ends up {place}",
            "the place for {subject} is {place}",
        ),
    },
}
