"""Recording: demonstrations, LeRobotDataset v3.0 on disk, films and logs of episodes. Needs no torch and no physics."""
