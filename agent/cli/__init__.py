"""The command `aubergine`: the composition root, the only place that names concrete classes from everywhere."""

from agent.cli.program import main

__all__ = ["main"]
