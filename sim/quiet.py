"""Keep a C library's chatter off standard output and error; `contextlib.redirect_stdout` moves only Python's own."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_STREAMS = (1, 2)
_C = ctypes.CDLL(None)


@contextmanager
def silenced() -> Iterator[None]:
    """Send file descriptors 1 and 2 to the null device inside the block, for this whole process."""
    _flush()
    saved = {stream: os.dup(stream) for stream in _STREAMS if _is_open(stream)}
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in saved:
            os.dup2(null, stream)
        yield
    finally:
        _flush()
        for stream, copy in saved.items():
            os.dup2(copy, stream)
            os.close(copy)
        os.close(null)


def _is_open(stream: int) -> bool:
    try:
        os.fstat(stream)
    except OSError:
        return False
    return True


def _flush() -> None:
    """Empty Python's and C's buffers, so that each line ends up where it was meant to go."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    _C.fflush(None)
