"""What a network is taught beside `words_seen`, by the same intents and slots; "(a|b)" is one of them, drawn each time.

Breadth is the point: what was said in many ways is understood in others. No line here may stand in `words_held_out`,
and no word may be used that only it uses, but for everyday ones (a test names them).
"""

from dialogue.lessons.words_seen import Lines

OPENINGS = (
    *("(hello|hi|good morning), ", "hi robot, ", "dear robot, ", "(kindly|be so kind as to) ", "(well|so|right), "),
    *("(will|could) you please ", "I need you to ", "I ask you to ", "your task is to ", "your job: ", "task: "),
    *("now please ", "let us see if you can ", "I wonder if you could ", "do me a favour: ", "(um|er|hm), ", "then "),
    *(
        "(quickly|calmly|slowly) ",
        "it is important that you ",
        "here is what to do: ",
        "you (may|have to) ",
        "we need to ",
    ),
    *("my request: ", "I was hoping you could ", "make an effort to ", "help me out and ", "listen: ", "new job: "),
)
CLOSINGS = (
    *(" now", ", please", ", robot", ", ok?", " as soon as you can", " when you are ready", ", that is all", "(.|!)"),
    *(
        ", thank you",
        " if that is possible",
        " and be careful",
        " quickly",
        ", I mean it",
        ", could you",
        " (gently|slowly)",
    ),
    *(", so that the table is tidy", ", as we said", ", will you", ", my friend will be glad", " - thanks"),
)
JOINS: Lines = {
    "two": (
        *("{x}, and after that {y}", "{x}; then {y}", "{y}, but first {x}", "{x}. when this is finished, {y}"),
        *("step one: {x}. step two: {y}", "1. {x} 2. {y}", "a) {x}, b) {y}", "{x} as well as {y}", "{x}, also {y}"),
        *("do (this|both): {x}, and {y}", "{x}. oh, and {y}", "{x} plus {y}", "your jobs: {x} and {y}", "{x}, {y}"),
        *("start with this: {x}. then {y}", "{x}, and when you are done {y}", "at the start {x}, at the end {y}"),
        *("{x}. (also|then|later|second), {y}", "you have a pair of jobs: {x}; {y}", "{x}, followed by this: {y}"),
        *(
            "not only {x}, but also {y}",
            "{x} and (also|then|later) {y}",
            "{x} & {y}",
            "both {x} and {y}",
            "{x} - then {y}",
        ),
    ),
    "three": (
        *(
            "{x}. {y}. {z}",
            "{x}, {y}, {z}",
            "{x} and {y} and {z}",
            "{x}, then {y}. at the end {z}",
            "1. {x} 2. {y} 3. {z}",
        ),
        *("step one: {x}. step two: {y}. step 3: {z}", "start with this: {x}. go on with: {y}. end with: {z}"),
        *(
            "your jobs: {x}; {y}; {z}",
            "first {x}, second {y}, third {z}",
            "{x}, also {y}, also {z}",
            "a) {x} b) {y} c) {z}",
        ),
        *(
            "{x} and after that {y}; when this is finished, {z}",
            "several jobs: {x}, {y}, and {z}",
            "{x} plus {y} plus {z}",
        ),
        *(
            "{x}. then {y}. then {z}",
            "not only {x}, but also {y} and {z}",
            "{x}, then {z} after {y}",
            "{x}; {y}; then {z}",
        ),
    ),
}


def _beside(side: str) -> tuple[str, ...]:
    """Lines for one side of a thing. side: how it is said ("to the left of")."""
    verb = "(transfer|set|shift|deposit|park|arrange|rest|plant|slot|put)"
    lines = (
        *("{verb} {a} {side} {b}", "{a} (goes|needs to go|has to stand|ought to be|is to stand) {side} {b}"),
        *("{side} {b} (goes|is the place for|we need) {a}", "(take|pick up|grab|lift) {a} and {verb} it {side} {b}"),
        *(
            "I (need|would like to have|prefer) {a} {side} {b}",
            "have {a} stand {side} {b}",
            "make {a} stand {side} {b}",
        ),
        *(
            "the place {side} {b} is for {a}",
            "make sure that {a} is {side} {b}",
            "{a} {side} {b}",
            "set {a} down {side} {b}",
        ),
        *("see to it that {a} ends up {side} {b}", "I would like to see {a} {side} {b}", "get {a} {side} {b}"),
        *("is {a} {side} {b}? if not, move it there", "let us have {a} {side} {b}", "line {a} up {side} {b}"),
    )
    return tuple(line.replace("{verb}", verb).replace("{side}", side) for line in lines)


def _pushed(way: str) -> tuple[str, ...]:
    """Lines for pushing a thing. way: where to."""
    return tuple(
        line.replace("{way}", way)
        for line in (
            *(
                "(nudge|slide|scoot|prod|bump|tap) {a} {way}",
                "(nudge|slide) {a} a (bit|little) {way}",
                "push {a} {way}",
            ),
            *("make {a} slide {way}", "push against {a} so that it goes {way}", "move {a} {way} by pushing it"),
            *(
                "{a} (needs|could do with) a nudge {way}",
                "{a} has to be pushed {way}",
                "push {a} a little further {way}",
            ),
            *(
                "{way}, push {a}",
                "with a nudge, move {a} {way}",
                "I need {a} pushed {way}",
                "a small nudge {way} for {a}",
            ),
        )
    )


def _at(region: str) -> tuple[str, ...]:
    """Lines for a part of the table. region: with its preposition."""
    verb = "(transfer|shift|set|park|rest|deposit|arrange|relocate)"
    lines = (
        *(
            "{verb} {a} {at}",
            "{a} (goes|needs to go|has to be|ought to be|is to lie) {at}",
            "put {a} {at}",
            "{at}, put {a}",
        ),
        *(
            "(take|pick up|grab) {a} and (put|set|place) it {at}",
            "I (need|prefer|would like to have) {a} {at}",
            "{a} {at}",
        ),
        *(
            "make sure that {a} is {at}",
            "have {a} lie {at}",
            "find a place for {a} {at}",
            "set {a} down {at}",
            "get {a} {at}",
        ),
        *(
            "the place for {a} is {at}",
            "see to it that {a} ends up {at}",
            "I would like to see {a} {at}",
            "{at} goes {a}",
        ),
    )
    return tuple(line.replace("{verb}", verb).replace("{at}", region) for line in lines)


CLAUSES: Lines = {
    "in": (
        "(transfer|deposit|pop|slip|tuck|load|stow|plop|shift|insert|pack|set) {a} (in|into|inside) {b}",
        "(take|pick up|grab|lift|get) {a} and (put|drop|place|set) it (in|into|inside) {b}",
        "pick {a} up and (drop|place) it (in|into) {b}",
        "{a} (goes|needs to go|has to go|ought to go|is to go|can go) (in|into|inside) {b}",
        "{b} is (where {a} goes|the place for {a}|meant for {a}|the home of {a})",
        "(fill|load|pack) {b} with {a}",
        "I (need|would like to have|prefer|would like to see) {a} (in|inside) {b}",
        *("inside {b} (goes|we need) {a}", "in {b}, please place {a}", "{b} (gets|needs|takes|has to get) {a}"),
        *(
            "make sure that {a} is (in|inside) {b}",
            "see to it that {a} ends up in {b}",
            "have {a} in {b}",
            "add {a} to {b}",
        ),
        *("relocate {a} to {b}", "{a} into {b}", "take {a} to {b}", "get {a} (in|into) {b}", "set {a} down in {b}"),
        *("{a} needs a home: {b}", "for {a}, use {b}", "find room for {a} in {b}", "{b} has to contain {a}"),
        *("is {a} in {b}? if not, put it there", "move {a} over to {b} and drop it in", "house {a} in {b}"),
        *("let {b} have {a}", "place {a} within {b}", "put {a} away in {b}", "tidy {a} away into {b}"),
    ),
    "on": (
        "(transfer|rest|deposit|park|perch|arrange|set|plant|shift|plop) {a} (on|onto|on top of|upon) {b}",
        "(take|pick up|grab|lift|get) {a} and (put|place|set|rest) it (on|onto|on top of) {b}",
        "{a} (goes|needs to go|has to go|ought to go|is to lie|can go) (on|onto|on top of) {b}",
        "{b} is (where {a} goes|the place for {a}|meant for {a}|the base for {a})",
        *("I (need|would like to have|prefer|would like to see) {a} on {b}", "(cover|top) {b} with {a}"),
        *("on {b}, please place {a}", "on top of {b} (goes|we need) {a}", "{b} (gets|needs|has to get|takes) {a}"),
        *("make sure that {a} is on {b}", "see to it that {a} ends up on {b}", "have {a} lie on {b}", "{a} onto {b}"),
        *("relocate {a} to {b}", "take {a} to {b}", "get {a} onto {b}", "set {a} down on {b}", "serve {a} on {b}"),
        *("for {a}, use {b}", "find room for {a} on {b}", "{b} has to carry {a}", "use {b} as a mat for {a}"),
        *("is {a} on {b}? if not, put it there", "move {a} over to {b} and put it on top", "let {b} have {a}"),
    ),
    "stack": (
        *("(pile|perch|mount|rest|set|stack|deposit) {a} (on|onto|on top of|upon|atop) {b}", "pile {a} up on {b}"),
        *(
            "(take|pick up|grab|lift) {a} and (stack|put|pile) it (on|onto|on top of) {b}",
            "{a} goes (on|on top of) {b}",
        ),
        *("make a (pile|stack) of {b} and {a}, {a} on top", "use {b} as the base for {a}", "top {b} with {a}"),
        *(
            "on top of {b} (goes|we need) {a}",
            "{b} has to carry {a}",
            "{b} below, {a} above",
            "I need {a} on top of {b}",
        ),
        *("{a} (has|needs|ought) to be on top of {b}", "make sure that {a} is on {b}", "{b} is the base, {a} the top"),
        *(
            "see to it that {a} ends up on top of {b}",
            "I would like to see {a} on {b}",
            "{a} on {b}",
            "get {a} onto {b}",
        ),
    ),
    "left of": _beside("(to the left of|left of|on the left side of|at the left of|on the left hand of)"),
    "right of": _beside("(to the right of|right of|on the right side of|at the right of|on the right hand of)"),
    "in front of": _beside("(in front of|on the near side of|before)"),
    "behind": _beside("(behind|in back of|on the far side of|to the rear of)"),
    "next to": _beside("(next to|beside|by the side of|close to|alongside|adjacent to)"),
    "push left": _pushed("(to the left|left|toward the left|in the left direction)"),
    "push right": _pushed("(to the right|right|toward the right|in the right direction)"),
    "push forward": _pushed("(forward|toward me|toward the camera|closer to me|in my direction)"),
    "push back": _pushed("(back|away from me|away from the camera|toward the rear)"),
    "lift": (
        *("(hoist|elevate|grasp|grip|clutch|lift up|scoop up|take up|catch) {a}", "lift {a} (up|off the table|high)"),
        *(
            "pick {a} up and keep it",
            "get {a} off the table",
            "take {a} (in|into) your (hand|gripper)",
            "I need {a} up",
        ),
        *(
            "{a} has to be (lifted|picked up|in your hand)",
            "close your (gripper|fingers) on {a}",
            "pick {a}",
            "get {a}",
        ),
        *(
            "show me that you can lift {a}",
            "have {a} in your hand",
            "up with {a}",
            "take {a} off the table",
            "grab {a}",
        ),
    ),
    "open": (
        *("(slide|draw) {a} open", "open up {a}", "{a} (needs|has|ought) to be open(|ed)", "I need {a} open"),
        *("make {a} open", "see to it that {a} is open", "pull on the handle of {a}", "have {a} open", "unlock {a}"),
    ),
    "close": (
        *(
            "(slide|draw) {a} shut",
            "close up {a}",
            "{a} (needs|has|ought) to be (shut|closed)",
            "I need {a} (shut|closed)",
        ),
        *("make {a} close", "see to it that {a} is (shut|closed)", "slide {a} in", "have {a} closed", "lock {a}"),
    ),
    "take out": (
        *(
            "(lift|grab|pick|draw) {a} out of {b}",
            "(grab|unload|free|extract|take|get) {a} from {b}",
            "out of {b} with {a}",
        ),
        *(
            "{a} has to (leave|get out of|be out of) {b}",
            "{a} does not go in {b}, take it out",
            "I need {a} out of {b}",
        ),
        *(
            "take {a} from inside {b}",
            "{b} has to lose {a}",
            "get {a} from inside {b}",
            "see to it that {a} leaves {b}",
        ),
        *("do not leave {a} in {b}", "from {b}, take {a}", "unpack {a} from {b}", "{a} out of {b}"),
    ),
    "left side": _at("(on the left side|on the left half of the table|to the left side of the table|on the left part)"),
    "right side": _at(
        "(on the right side|on the right half of the table|to the right side of the table|on the right part)"
    ),
    "front": _at("(at the front|on the near side of the table|to the front of the table|close to me)"),
    "back": _at("(at the back|on the far side of the table|to the back of the table|far from me)"),
    "middle": _at("(in the middle|in the centre of the table|to the middle of the table|in the center)"),
    "point": (
        *("(point out|show|locate|aim at|mark) {a}", "point your (hand|finger|gripper) at {a}", "hover over {a}"),
        *("can you see {a}? point at it", "what do we call {a}? point", "tell me by pointing where {a} is"),
        *("direct your hand at {a}", "let me see which is {a}", "show me (where|what) {a} is", "point at where {a} is"),
        *(
            "do you know {a}? show it to me",
            "I cannot find {a}, show me",
            "I am looking for {a}, point at it",
            "find {a}",
        ),
    ),
}
