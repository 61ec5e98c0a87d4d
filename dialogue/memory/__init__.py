"""What the robot remembers, in one SQLite file that survives restarts: see `dialogue.memory.store`."""
