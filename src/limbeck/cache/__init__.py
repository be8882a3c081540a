"""The teacher's answers on disk: asked once, keyed by content, refused when foreign."""

from limbeck.cache.label import label
from limbeck.cache.store import CachedTeacher, CacheIdentity

__all__ = ["CacheIdentity", "CachedTeacher", "label"]
