"""The services on this machine."""

from collect_world import world

__all__ = ["world"]
