"""Selection of rows: the best, a sample, the next stage of a curriculum, the nearest neighbors."""

__all__: list[str] = []
