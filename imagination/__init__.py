"""Diffusion for the robot: scenes, layouts, filled holes, goals and futures as pictures, and arrangements as poses."""
