"""The project's container images: built by whichever tool works here, cached as archives keyed by content."""

from dev.images.archive import Archive
from dev.images.building import build

__all__ = ["Archive", "build"]
