"""An instruction that the text tower would cut is refused; one that just fits is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from policies.checkpoint import load_policy
from policies.instruction import check_length, pieces, words_of
from policies.text import MAX_PIECES, MiniLm, make_text_encoder
from tests.policies.toy import observation, scene


@pytest.mark.parametrize("name", ["words", "minilm"])
def test_what_just_fits_is_read_whole_and_one_more_is_refused(name: str) -> None:
    encoder = make_text_encoder(name)
    marks = 2 if isinstance(encoder, MiniLm) else 0
    fits = " ".join(["put"] * (MAX_PIECES - marks))
    check_length(encoder, fits)
    assert pieces(encoder, fits) == len(encoder.encode([fits])[0]) == MAX_PIECES
    with pytest.raises(SpecError, match="takes 65 word pieces; this policy reads at most 64"):
        check_length(encoder, fits + " put")


def test_the_policy_refuses_it(trained: Path) -> None:
    policy = load_policy(str(trained))
    seen = observation(scene(np.random.default_rng(0))[0], "red")
    with pytest.raises(SpecError, match="word pieces; this policy reads at most 64"):
        policy.act(replace(seen, instruction="go to the red square " * 15))


def test_the_words_of_sentences() -> None:
    assert words_of("Put the hen's egg in, please.", "put it IN") == {
        *("put", "the", "hen", "s", "egg", "in", "please", "it"),
    }
    assert words_of() == frozenset()
