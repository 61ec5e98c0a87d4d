"""The sentences that `dialogue.reader` knows, as patterns over plain lower-case text."""

import re

IN = r"(?:in|into|inside|on|onto|on top of|at|to)"
PUT = r"(?:put|place|move|bring|take|gather|collect|drop|set|lay)"
A = r"(?:(?!and |then )[a-z]+)(?: (?!and |then |if |in |into |on |onto )[a-z]+){0,4}"
"""A thing: a few words that do not go on to the next part of the sentence."""
EXCEPT = r",? (?:except|but not|apart from|other than|but leave)(?: for)?"
GROUP = re.compile(
    rf"{PUT} (?P<which>all(?: of)?(?: the)?|every|each(?: of the)?|any|one of the|some|both(?: the)?|the) "
    rf"(?P<group>{A}) (?P<relation>{IN}) (?P<target>{A}?)(?:{EXCEPT} (?P<out>{A}))?"
)
ALL_GO = re.compile(
    rf"(?P<which>all(?: the)?|every) (?P<group>{A}) (?:go|goes|belongs?) (?P<relation>{IN}) (?P<target>{A})"
)
ANY_PLACE = re.compile(
    rf"{PUT} (?P<thing>{A}) (?P<relation>{IN}) (?P<some>any|a|an|one of the|some) (?P<target>{A}?)"
    rf"(?:{EXCEPT} (?P<out>{A}))?"
)
INTO = re.compile(rf"{PUT} (?P<thing>{A}) (?P<relation>{IN}) (?P<target>{A})")
ASIDE = re.compile(r",?(?: away from the edge| so that .*| without breaking it|, it breaks easily|, mind the [a-z ]+)")
"""What explains a request and asks for nothing."""
EMPTY = re.compile(
    r"(?:empty|clear(?: out)?|take everything (?:out of|off)|remove everything from) (?P<target>[a-z ]+)"
)
IF_THERE = re.compile(
    r"if (?:there is|there are|you see)(?: an?| any| some)? (?P<thing>[a-z ]+?),? (?:then )?(?P<then>"
    r"(?:put|place|move|set|pick|push|take|open|close|bring|stack|lift|drop|grab).+?)"
    r"(?:,? (?:otherwise|if not|or else),? (?P<otherwise>.+))?"
)
IF_STATE = re.compile(r"if (?P<thing>[a-z ]+?) is (?P<state>open|closed),? (?:then )?(?P<then>.+)")
IF_AFTER = re.compile(
    r"(?P<then>.+?),? "
    r"(?P<condition>if (?:(?:there is|there are|you see)(?: an?| any| some)? [a-z ]+|it is (?:open|closed)))"
)
HOME = re.compile(rf"(?P<thing>[a-z ]+?) always (?:belongs?|goes?) (?P<relation>{IN}) (?P<target>[a-z ]+)")
HOMEWARD = re.compile(
    r"(?:put|bring|place|move|take) (?P<thing>[a-z ]+?) (?:where it (?:always )?(?:belongs|goes)|to its (?:usual )?"
    r"place|in its (?:usual )?place|away)"
)
MINE = re.compile(r"(?P<thing>[a-z ]+?) (?:is|shall be|will be) my (?P<name>[a-z]+(?: [a-z]+)?)")
THERE = re.compile(
    r"(?:put |place |bring |move )?(?P<thing>[a-z ]+?) (?:goes )?(?:there|in the same place|to the same (?:place|spot)"
    r"|in the same spot)(?: too| as well)?|(?:the )?same (?:place|spot) for (?P<other>[a-z ]+)"
)
BACK = re.compile(
    r"(?:put|bring|take|return) (?P<thing>it|that|[a-z ]+?) back(?: (?:where it was|to .+|again))?|undo that"
)
AGAIN = re.compile(
    r"(?:and |now |then )*(?:do )?(?:the same (?:with|for|to) |and then |and |now )"
    r"(?P<thing>[a-z ]+?)(?: too| as well)?"
    r"|(?:do )?(?P<other>the other(?: [a-z]+)?)(?: too| as well)?"
)
NO = re.compile(
    r"(?:no|wrong(?: one)?|sorry|actually|oops|not (?:that one|this one|that|this|there)|i (?:meant|mean|wanted|said)"
    r"|it should be|rather|hold on)\b[ ,]*"
)
HARM: tuple[tuple[str, str], ...] = (
    (r"\b(?:throw|hurl|toss|fling|chuck|catapult|sling|launch|pitch)\b", "throw"),
    (r"\b(?:hurt|injure|attack|stab|fight|knock .* out|beat up|frighten|scare)\b", "harm"),
    (r"\b(?:hit|slap|poke|jab|ram) (?:me|my|him|her|the person)\b|\b(?:on|into|at) (?:my|your|his|her) "
     r"(?:hand|fingers?|arm|thumb|knuckles|face)\b|\bperson'?s? zone\b", "person"),
    (r"\b(?:smash|break|crush|crack|shatter|squash|snap)\b|\bas hard as you can\b|\bfrom high up\b", "fragile"),
    (r"\boff the table\b|\bon the floor\b|\bto the (?:floor|ground)\b|\bover the edge\b|\boff the edge\b", "edge"),
    (r"\b(?:ignore|forget|disable|override|bypass|switch off|turn off)\b.*\b(?:rules?|safety|limits?|filter|zones?"
     r"|instructions)\b|\bsafety (?:rules )?.*\boff\b", "safety"),
)  # fmt: skip
DENIED = re.compile(
    r"(?:,? (?:and )?(?:do not|don't|without|no|not|never|so that (?:it|nobody|nothing)[a-z ]*?))"
    r" (?:\w+ing|throw|hit|hurt|break|breaks|crush|smash|fling|falls?)\b(?: it| the \w+)?(?: off the table)?"
)
TALK: tuple[tuple[str, str], ...] = (
    (r"(?:hello|hi|hey|good (?:morning|evening|afternoon)|hello there|hi robot)", "greeting"),
    (r"(?:thanks?|thank you|well done|great work|much appreciated)\b.*", "thanks"),
    (r"(?:who|what) are you|what is your name", "who"),
    (r"what can (?:you do|i ask you)|help|how can you help me|what are you able to do", "able"),
    (r"how (?:are you|is it going)\b.*", "how"),
    (r"(?:good)?bye|see you later", "bye"),
    (r"(?:are|is) your (?:safety )?(?:limits|rules|filter|safety filter)\b.*|which safety rules.*", "safety"),
)
WHAT_IS_THERE = (
    r"what (?:is|do you see|things are)(?: on the table| there| in front of you)?|what do you see"
    r"|which things are there"
)
