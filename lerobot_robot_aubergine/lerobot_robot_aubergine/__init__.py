"""Aubergine's SO-101 driver in LeRobot. Importing registers the configuration; the driver comes when asked for."""

from typing import Any

from lerobot_robot_aubergine.config_aubergine import AubergineSO101Config

__all__ = ["AubergineSO101", "AubergineSO101Config"]


def __getattr__(name: str) -> Any:
    if name == "AubergineSO101":
        from lerobot_robot_aubergine.aubergine import AubergineSO101

        return AubergineSO101
    raise AttributeError(f"module 'lerobot_robot_aubergine' has no attribute '{name}'")
