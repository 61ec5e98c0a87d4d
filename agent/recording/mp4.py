"""H.264 films in mp4 files: encode, join without encoding again, decode. The only module that imports PyAV."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from agent.errors import SpecError
from agent.types import ImageArray

PIXEL_FORMAT = "yuv420p"
_FASTEST = 120


class FilmWriter:
    """Writes pictures (H, W, 3) of one even size to an mp4 that browsers play; use it as a context manager.

    fragmented: while it is being written, all but its last second stays readable when the process is killed; closing
    turns it into a plain file, which more players can wind.
    crf: x264's quality, 0 lossless .. 51; 18 looks lossless. Picture k is shown at exactly k / fps seconds.
    """

    def __init__(self, path: Path, *, fps: int, crf: int = 18, fragmented: bool = False) -> None:
        if not 1 <= fps <= _FASTEST:
            raise SpecError(f"a film needs 1 to {_FASTEST} pictures a second, got {fps}")
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._path, self._fragmented = path, fragmented
        self._container = av.open(str(path), "w", format="mp4", options=options if fragmented else {})
        self._stream = self._container.add_stream("libx264", rate=fps)
        # One thread and no B-frames: equal pictures give equal bytes, and decoding order is showing order.
        self._stream.options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "bf": "0", "g": str(fps)}
        if fragmented:
            # The encoder otherwise holds many pictures back, and a kill would lose them.
            self._stream.options |= {"tune": "zerolatency"}
        self._stream.pix_fmt = PIXEL_FORMAT
        self._fps, self._count, self._size = fps, 0, (0, 0)
        self._closed = False

    def __enter__(self) -> "FilmWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, picture: ImageArray) -> None:
        """Append one picture uint8 (H, W, 3); raise SpecError when its size is odd or differs from the first."""
        height, width = picture.shape[:2]
        if self._count == 0:
            if height % 2 or width % 2:
                raise SpecError(f"H.264 needs even picture sizes, got {height} x {width}")
            self._stream.height, self._stream.width, self._size = height, width, (height, width)
        if (height, width) != self._size:
            raise SpecError(f"the film is {self._size[0]} x {self._size[1]}, this picture {height} x {width}")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = self._count, Fraction(1, self._fps)
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file; closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        if self._count:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if self._fragmented and self._count:
            plain = self._path.with_name(f".{self._path.name}.partial")
            join(plain, [self._path], fps=self._fps)
            plain.replace(self._path)


def encode(path: Path, pictures: Iterable[ImageArray], *, fps: int) -> None:
    """Write `pictures`, each uint8 (H, W, 3), to `path`."""
    with FilmWriter(path, fps=fps) as film:
        for picture in pictures:
            film.add(picture)


def stream_key(path: Path) -> bytes:
    """Return the decoder set-up of a film; films with equal keys can be joined. Raise SpecError naming a bad file."""
    with _opened(path) as container:
        context = container.streams.video[0].codec_context
        return bytes(context.extradata or b"") + f"{context.height}x{context.width}".encode()


def join(target: Path, parts: Iterable[Path], *, fps: int) -> None:
    """Write the films `parts` (equal `stream_key`) one after another to `target` without encoding again."""
    with av.open(str(target), "w", format="mp4") as output:
        stream, shown = None, 0
        for part in parts:
            with _opened(part) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = output.add_stream_from_template(video)
                ticks_a_picture = Fraction(1, fps) / _time_base(video)
                pictures = 0
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    offset = int(shown * ticks_a_picture)
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    output.mux(packet)
                    pictures += 1
                shown += pictures


def decode(path: Path, *, first: int, count: int, fps: int) -> ImageArray:
    """Return pictures first .. first + count - 1 of a film, uint8 (count, H, W, 3).

    Raises SpecError naming the file when it is no film, is cut off, or does not show a picture every 1 / fps seconds.
    """
    pictures: list[ImageArray] = []
    for number, picture in _numbered(path, first=first, fps=fps):
        if number >= first + count:
            break
        if number < first:
            continue
        if number != first + len(pictures):
            raise SpecError(f"{path} jumps from picture {first + len(pictures) - 1} to {number}")
        pictures.append(picture)
        if len(pictures) == count:
            return np.stack(pictures)
    raise SpecError(f"{path} is cut off: picture {first + len(pictures)} is missing")


def _numbered(path: Path, *, first: int, fps: int) -> Iterator[tuple[int, ImageArray]]:
    """Decode from the last key picture at or before `first`; yield (number of the picture, picture)."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        time_base = _time_base(stream)
        try:
            container.seek(int(Fraction(first, fps) / time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.pts is None:
                    raise SpecError(f"{path} has a picture without a time")
                yield round(frame.pts * time_base * fps), np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        except av.FFmpegError as error:
            raise SpecError(f"{path} cannot be decoded: {error.strerror}") from error


def _time_base(stream: av.VideoStream) -> Fraction:
    """Seconds a tick; a stream that was opened always has one."""
    assert stream.time_base is not None
    return stream.time_base


def _opened(path: Path) -> "av.container.InputContainer":
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise SpecError(f"{path} is not a complete film: {getattr(error, 'strerror', error)}") from error
    if not container.streams.video:
        container.close()
        raise SpecError(f"{path} holds no pictures")
    return container
