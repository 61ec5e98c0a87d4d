"""The simulated world: a Franka Panda at a table, in PyBullet. Importing it registers the Gymnasium environments."""

from sim.registration import register_environments

register_environments()
