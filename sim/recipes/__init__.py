"""How each thing is shaped, for `python -m sim.build_objects`. Nothing here runs in an episode."""
