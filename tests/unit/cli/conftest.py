"""The fixtures of a configured store."""

from configured_store import migrated_postgresql, migrated_sqlite, sample_driver, store

__all__ = ["migrated_postgresql", "migrated_sqlite", "sample_driver", "store"]
