"""The simulated world: a Franka Panda at a table, in PyBullet."""
