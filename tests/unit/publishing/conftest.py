"""The fixtures of a configured store."""

from configured_store import sample_driver, store

__all__ = ["sample_driver", "store"]
