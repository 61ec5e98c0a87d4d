"""What the robot remembers, in one SQLite file that survives restarts."""

from dialogue.memory.entries import Binding, Entry, EntryKind, Hit
from dialogue.memory.store import Memory

__all__ = ["Binding", "Entry", "EntryKind", "Hit", "Memory"]
