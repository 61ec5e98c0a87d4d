"""What an instruction is made of, and whether it fits into a text tower: what is cut off silently is not obeyed."""

import re

from agent.errors import SpecError
from policies.text import MAX_PIECES, MiniLm, TextEncoder

WORD = re.compile(r"[^\W\d_]+")


def words_of(*sentences: str) -> frozenset[str]:
    """Return every word of the sentences once, in small letters."""
    return frozenset(word for sentence in sentences for word in WORD.findall(sentence.lower()))


def check_length(encoder: TextEncoder, instruction: str) -> None:
    """Raise SpecError when the encoder would read only the beginning of `instruction`."""
    count, most = pieces(encoder, instruction), int(getattr(encoder, "context", MAX_PIECES))
    if count > most:
        raise SpecError(f"the instruction takes {count} word pieces; this policy reads at most {most}")


def pieces(encoder: TextEncoder, instruction: str) -> int:
    """How many feature vectors the whole of `instruction` needs; MiniLM adds a mark before and behind it, open_clip's
    towers count no further than one more than they read."""
    if hasattr(encoder, "pieces"):
        return int(encoder.pieces(instruction))
    if isinstance(encoder, MiniLm):
        return len(encoder.tokenizer(instruction, truncation=False, verbose=False)["input_ids"])
    return len(instruction.split())
