"""The teacher's answers on disk: asked once, keyed by content, refused when foreign."""

from limbeck.cache.cluster import Cluster
from limbeck.cache.identity import CacheIdentity
from limbeck.cache.label import ROWS_AT_ONCE, asked_for, label
from limbeck.cache.settings import CacheSettings
from limbeck.cache.shards import ID_BYTES
from limbeck.cache.store import CachedTeacher

__all__ = [
    "ID_BYTES",
    "ROWS_AT_ONCE",
    "CacheIdentity",
    "CacheSettings",
    "CachedTeacher",
    "Cluster",
    "asked_for",
    "label",
]
