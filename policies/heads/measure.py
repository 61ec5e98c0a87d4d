"""Every head on the same prefixes: `python -m policies.heads.measure DATA`.

DATA is a frame store, seen by the backbone of --checkpoint, what `policies.heads.cached.read_cached` reads, or `toy`.
Heads that differ only in how they draw are trained once. Run again with the same --out, it goes on where it stopped.
From a frame store every head also becomes a checkpoint, OUT/HEAD, to be tried in closed loop.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from agent.errors import SpecError, unknown_name
from agent.settings import to_mapping
from policies.checkpoint import Provenance, load_checkpoint
from policies.codec import CodecConfig
from policies.decoder import DecoderConfig
from policies.heads.base import Head, HeadConfig
from policies.heads.cached import Cached, ToyConfig, reach, read_cached, route_shares, two_routes
from policies.heads.caching import CacheConfig, cached_prefixes, is_store
from policies.heads.factory import make_head
from policies.heads.fitting import FitConfig, Fitted, fit
from policies.heads.train_head import save_with_head
from policies.model import Trained
from policies.shipped import find_checkpoint

CONTENDERS = {
    "tokens": HeadConfig(kind="tokens"),
    "parallel": HeadConfig(kind="parallel"),
    "regression": HeadConfig(kind="regression"),
    "flow-1": HeadConfig(kind="flow", steps=1),
    "flow-4": HeadConfig(kind="flow", steps=4),
    "flow-10": HeadConfig(kind="flow", steps=10),
    "mip": HeadConfig(kind="mip"),
    "diffusion-8": HeadConfig(kind="diffusion", steps=8),
}
LOOKS = 200
"""Chunks that are timed."""
THREADS = 2
"""While timing, as the bar for latency has it."""


@dataclass(frozen=True)
class Setting:
    """What all heads of one table share. gripper: as HeadConfig's; held_out: share of the data's end to measure on;
    route_steps: optimizer steps of each head on the two routes; codec: its kind; base: the checkpoint whose prefixes
    these are, folder and network, where heads shall become checkpoints too."""

    net: DecoderConfig
    fit: FitConfig
    out: Path
    gripper: str = "logit"
    codec: str = "bins"
    held_out: float = 0.1
    route_steps: int = 1000
    base: tuple[Path, Trained] | None = None

    def wide(self, width: int) -> "Setting":
        """The same, with heads as wide as prefixes are."""
        return replace(self, net=replace(self.net, width=width))


@dataclass(frozen=True)
class Row:
    """One head. error: mean absolute error of the numbers in held-out chunks, in units of the range [-1, 1]; first_row:
    of their first rows. gripper_wrong: share of rows. left, right, neither: shares of 512 chunks where two routes are
    equally good (token heads draw at temperature 1 there, 0 elsewhere). p50_ms, p95_ms: one chunk, two threads.
    samples_per_second: in training, None when it had been trained before."""

    head: str
    error: float
    first_row: float
    gripper_wrong: float
    left: float
    right: float
    neither: float
    p50_ms: float
    p95_ms: float
    samples_per_second: float | None
    parameters: int


def compare(names: Sequence[str], cached: Cached, setting: Setting) -> list[Row]:
    """Train and measure the heads `names` of CONTENDERS; SpecError when one does not exist or training was stopped."""
    for name in names:
        if name not in CONTENDERS:
            raise unknown_name("head to measure", name, CONTENDERS)
    training, apart = cached.split(setting.held_out)
    codec = setting.base[1].config.codec if setting.base else cached.codec(CodecConfig(kind=setting.codec))
    tokens, width, rows = *cached.prefixes.shape[1:], cached.chunks.shape[1]
    toy = ToyConfig(count=4096, tokens=min(tokens, 8), width=width, rows=rows, seed=setting.fit.seed)
    routes, test = two_routes(toy), two_routes(replace(toy, count=512, seed=setting.fit.seed + 1))
    found = []
    for name in names:
        config, setting = replace(CONTENDERS[name], gripper=setting.gripper), setting.wide(width)
        head, fitted = trained("data", config, training, codec, setting)
        if setting.base:
            save(name, config, head, fitted, setting)
        apart_figures = errors(head, apart, codec, setting.fit.seed)
        router, _ = trained("routes", replace(config, temperature=1.0), routes, routes.codec(CodecConfig()), setting)
        generator = torch.Generator().manual_seed(setting.fit.seed)
        shares = route_shares(router.sample(test.batch(slice(None))[0], generator=generator).numpy(), test.chunks)
        p50, p95 = latency_ms(head, apart)
        count = sum(parameter.numel() for parameter in head.parameters())
        found.append(
            Row(
                name,
                *apart_figures,
                **shares,
                p50_ms=p50,
                p95_ms=p95,
                parameters=count,
                samples_per_second=fitted.samples_per_second,
            )
        )
    return found


def trained(what: str, config: HeadConfig, cached: Cached, codec: CodecConfig, setting: Setting) -> tuple[Head, Fitted]:
    """Return a head of `config` with weights of a run that is shared by all that draw differently.

    what: `data` or `routes`; names the file of the run under setting.out.
    """
    steps = setting.fit.steps if what == "data" else setting.route_steps
    shared = replace(config, steps=0, temperature=0.0)
    torch.manual_seed(setting.fit.seed)  # the initial weights; every later draw has its own generator
    head = make_head(config, setting.net, codec)
    state = setting.out / f"{what}-{config.kind}.safetensors"
    told = {"head": to_mapping(shared), "decoder": to_mapping(setting.net), "codec": to_mapping(codec)}
    done = fit(head, cached, replace(setting.fit, steps=steps), state=state, settings=told)
    if not done.finished:
        raise SpecError(f"stopped at step {done.steps} of {steps} of {state.stem}; the same command goes on from there")
    return head, done


def save(name: str, config: HeadConfig, head: Head, fitted: Fitted, setting: Setting) -> None:
    """Write OUT/NAME, a checkpoint of the backbone whose prefixes these are and of `head`."""
    assert setting.base is not None
    folder, base = setting.base
    made_by = Provenance(
        data=f"prefixes of the backbone of '{base.name}', which stays as it was",
        steps=fitted.steps,
        seconds=fitted.steps * setting.fit.batch / fitted.samples_per_second if fitted.samples_per_second else 0.0,
        training=to_mapping(setting.fit),
        heard=base.heard,
    )
    model_config = replace(base.config, head=config, decoder=setting.net)
    save_with_head(base, folder, model_config, head, setting.out / name, made_by=made_by)


def errors(head: Head, apart: Cached, codec: CodecConfig, seed: int) -> tuple[float, float, float]:
    """Mean absolute error of the numbers, that of first rows, and the share of wrong binary values, over what has a
    label."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in tqdm(range(0, len(apart), 512), desc="held out", unit="batch", leave=False, dynamic_ncols=True):
        prefix, actions, _ = apart.batch(slice(start, start + 512))
        parts.append((head.sample(prefix, generator=generator) - actions).abs().numpy())
    away, known = np.concatenate(parts), np.asarray(apart.weights) > 0
    numbers = away[:, :, list(codec.continuous)]
    wrong = away[:, :, list(codec.binary)] > 0.5
    return float(numbers[known].mean()), float(numbers[:, 0][known[:, 0]].mean()), float(wrong[known].mean())


def latency_ms(head: Head, cached: Cached) -> tuple[float, float]:
    """Median and 95th percentile of drawing one chunk on two threads, keys of the prefix included."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    times = []
    try:
        for look in range(LOOKS + 10):  # the first ten warm up
            prefix, _, _ = cached.batch(slice(look % len(cached), look % len(cached) + 1))
            began = time.perf_counter()
            head.sample(prefix, generator=torch.Generator().manual_seed(look))
            times.append((time.perf_counter() - began) * 1000)
    finally:
        torch.set_num_threads(before)
    p50, p95 = np.percentile(times[10:], [50, 95])
    return float(p50), float(p95)


def show(rows: Sequence[Row]) -> None:
    """Print the table to standard output."""
    table = Table()
    for title in ("head", "error", "first row", "gripper wrong", "left", "right", "neither", "p95 ms", "samples/s"):
        table.add_column(title, justify="left" if title == "head" else "right")
    for row in rows:
        shares = (f"{share:.0%}" for share in (row.left, row.right, row.neither))
        rate = "" if row.samples_per_second is None else f"{row.samples_per_second:.0f}"
        wrong = f"{row.gripper_wrong:.2%}"
        table.add_row(row.head, f"{row.error:.4f}", f"{row.first_row:.4f}", wrong, *shares, f"{row.p95_ms:.1f}", rate)
    Console().print(table)


def read_data(chosen: argparse.Namespace, setting: Setting) -> tuple[Cached, Setting]:
    """What the heads are compared on, and the setting with the checkpoint that its prefixes come from."""
    if chosen.data == "toy":
        return reach(ToyConfig(seed=chosen.seed)), setting
    if not is_store(Path(chosen.data)):
        return read_cached(Path(chosen.data)), setting
    base = find_checkpoint(chosen.checkpoint)
    seeing = load_checkpoint(base)
    cached = cached_prefixes(seeing, Path(chosen.data), CacheConfig(passes=chosen.passes, seed=chosen.seed))
    return cached, replace(setting, base=(base, seeing))


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0, or 2 after one sentence on standard error when something does not fit."""
    parser = argparse.ArgumentParser(
        prog="python -m policies.heads.measure", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data", help="a frame store, an .npz or folder with prefixes, chunks and weights; or toy")
    parser.add_argument(
        "--checkpoint", default="vla", help="whose backbone looks at the frames of a store: name or DIR"
    )
    parser.add_argument("--passes", type=int, default=CacheConfig.passes, help="looks at every frame of a store")
    parser.add_argument("--out", type=Path, default=Path("runs/heads"), help="where training states are kept")
    parser.add_argument("--heads", nargs="+", default=list(CONTENDERS), help=", ".join(CONTENDERS))
    parser.add_argument("--steps", type=int, default=FitConfig.steps, help="optimizer steps of each head")
    parser.add_argument("--route-steps", type=int, default=Setting.route_steps)
    parser.add_argument("--batch", type=int, default=FitConfig.batch)
    parser.add_argument("--learning-rate", type=float, default=FitConfig.learning_rate)
    parser.add_argument("--layers", type=int, default=DecoderConfig.layers)
    parser.add_argument("--gripper", default=Setting.gripper, help="logit or vector")
    parser.add_argument("--codec", default=Setting.codec, help="of the token heads: bins, dct or openvla")
    parser.add_argument("--held-out", type=float, default=Setting.held_out, help="share of the data to measure on")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads while training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    training = FitConfig(chosen.steps, chosen.batch, chosen.learning_rate, seed=chosen.seed)
    setting = Setting(
        net=DecoderConfig(layers=chosen.layers),
        fit=training,
        out=chosen.out,
        gripper=chosen.gripper,
        codec=chosen.codec,
        held_out=chosen.held_out,
        route_steps=chosen.route_steps,
    )
    try:
        cached, setting = read_data(chosen, setting)
        rows = compare(chosen.heads, cached, setting)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.json:
        print(
            json.dumps({"samples": len(cached), "seed": chosen.seed, "heads": [asdict(row) for row in rows]}, indent=2)
        )
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
