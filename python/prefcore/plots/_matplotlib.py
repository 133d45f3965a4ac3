"""What the pictures use of matplotlib, or what to install."""

try:
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import FuncFormatter, Locator
    from matplotlib.transforms import ScaledTranslation
except ImportError as error:
    raise ImportError("prefcore.plots needs matplotlib: pip install 'prefcore[plot]'", name=error.name) from error

__all__ = ["Axes", "FuncFormatter", "LinearSegmentedColormap", "Locator", "ScaledTranslation", "plt"]
