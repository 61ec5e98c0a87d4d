"""Conversations made up from the simulator's things: a table and a plan first, then words for it; and their judge."""
