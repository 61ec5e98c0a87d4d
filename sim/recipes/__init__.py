"""How each thing is shaped: recipes that `python -m sim.build_objects` turns into OBJ files. Nothing here runs in an episode."""
