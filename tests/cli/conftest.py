"""The services on this machine, and the work of batches in this process."""

from collect_world import world
from work_here import work_here

__all__ = ["work_here", "world"]
