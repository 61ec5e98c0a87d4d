"""Aubergine's words and its one loop: types, ports and `run_episode`; needs neither torch nor pybullet."""
