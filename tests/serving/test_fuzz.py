"""Ten thousand malformed frames leave nothing but one-sentence refusals."""

import gc
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from agent.errors import SpecError
from agent.serving.asking import question_from
from agent.serving.background import Ports
from agent.serving.card import Card
from agent.serving.json_arrays import loads
from agent.serving.limits import BadMessage, Limits
from tests.serving.bodies import DROID_BODY, LIBERO_BODY, fixed, served
from tests.serving.honest import PATIENCE_S, honest_answer, settled
from tests.serving.mutate import malformed_frames, valid_frames

CARDS = (Card("one", LIBERO_BODY, 1), Card("other", DROID_BODY, 1))


def test_the_frames_differ_and_are_the_same_every_time() -> None:
    frames = list(malformed_frames(500, seed=1))
    assert frames == list(malformed_frames(500, seed=1))
    assert len(set(frames)) > 450


def test_the_frames_that_are_damaged_are_sound_before() -> None:
    understood = [frame for frame in valid_frames() for card in CARDS if _is_understood(frame, card)]
    assert len(understood) >= 3


def _is_understood(frame: bytes, card: Card) -> bool:
    try:
        question_from(frame, card, Limits())
    except SpecError:
        return False
    return True


def test_ten_thousand_frames_against_the_decoder() -> None:
    """Whatever comes out is a BadMessage or an observation that fits; it never takes long or much memory."""
    limits, refused, before = Limits(), 0, psutil.Process().memory_info().rss
    for number, frame in enumerate(malformed_frames(12_000, seed=7)):
        began = time.process_time()
        try:
            question, _ = question_from(frame, CARDS[number % 2], limits)
            assert question.observation.state.shape == (8,)
            assert np.isfinite(question.observation.state).all()
        except SpecError as error:
            refused += 1
            assert len(str(error)) < 400
            assert "\n" not in str(error)
        assert time.process_time() - began < 0.5
    assert refused > 10_000
    assert psutil.Process().memory_info().rss - before < 50e6


def test_two_thousand_texts_against_the_json_decoder() -> None:
    text = (
        b'{"image": {"__numpy__": "AAAA", "dtype": "|u1", "shape": [1, 1, 3]}, "instruction": "go", "state": [1, 2.5]}'
    )
    generator, refused = np.random.default_rng(3), 0
    signs = b'{}[]":,0e-\\u\xff AnNtf'
    for _ in range(2000):
        damaged = bytearray(text)
        for _ in range(int(generator.integers(1, 5))):
            damaged[int(generator.integers(len(damaged)))] = signs[int(generator.integers(len(signs)))]
        try:
            loads(bytes(damaged))
        except BadMessage:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("kind", ["frames", "bytes"])
def test_hundreds_over_real_sockets(kind: str) -> None:
    """Well-formed websocket frames with bad contents, then sockets that speak no websocket at all."""
    me = psutil.Process()
    with served(fixed()) as ports:
        honest_answer(ports)
        files, threads = me.num_fds(), me.num_threads()
        for number, frame in enumerate(malformed_frames(300, seed=11)):
            if kind == "frames":
                send_frame(ports, frame)
            else:
                send_bytes(ports.websocket if number % 2 else ports.rest or 0, frame)
            if number % 100 == 99:
                honest_answer(ports)
        settled(me, files, threads)
        assert me.num_fds() <= files + 2
        assert me.num_threads() <= threads


def send_frame(ports: Ports, frame: bytes) -> None:
    with connect(ports.url, compression=None, proxy=None, close_timeout=1) as connection:
        connection.recv(timeout=PATIENCE_S)
        connection.send(frame)
        reply = connection.recv(timeout=PATIENCE_S)
        if isinstance(reply, str):
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=PATIENCE_S)


def send_bytes(port: int, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as peer:
        peer.sendall(raw)


@pytest.mark.slow
def test_ten_thousand_frames_over_real_sockets_while_honest_clients_are_served() -> None:
    """Four clients send nothing but malformed frames; another asks as it should, all the time."""
    me, done, answered = psutil.Process(), threading.Event(), [0]
    frames = list(malformed_frames(10_000, seed=13))

    def ask() -> None:
        while not done.is_set():
            honest_answer(ports)
            answered[0] += 1

    with served(fixed()) as ports:
        send_all(ports, frames[:200])
        honest_answer(ports)
        gc.collect()
        files, threads, memory = me.num_fds(), me.num_threads(), me.memory_info().rss
        with ThreadPoolExecutor(5) as pool:
            honest = pool.submit(ask)
            rude = [pool.submit(send_all, ports, frames[number::4]) for number in range(4)]
            for each in rude:
                each.result()
            done.set()
            honest.result()
        settled(me, files, threads)
        gc.collect()
        assert me.num_fds() <= files + 2
        assert me.num_threads() <= threads
        assert me.memory_info().rss - memory < 30e6
    assert answered[0] > 50


def send_all(ports: Ports, frames: list[bytes]) -> None:
    for frame in frames:
        send_frame(ports, frame)
