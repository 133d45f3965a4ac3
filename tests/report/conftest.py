"""No picture of a test stays open."""

from pictures import closed

__all__ = ["closed"]
