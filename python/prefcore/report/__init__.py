"""Reports: one HTML file that asks nothing of the network, with tables that sort and pictures that tell their numbers.

`pip install 'prefcore[plot]'` brings matplotlib, which draws them. Each function writes a file and returns its path; it
reads well on a phone, in dark and in light.
"""

from prefcore.report.conjoint import conjoint
from prefcore.report.inspect import inspect
from prefcore.report.leaderboard import leaderboard
from prefcore.report.training import training

__all__ = ["conjoint", "inspect", "leaderboard", "training"]
