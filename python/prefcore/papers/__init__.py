"""Papers as modules: `prefcore.papers.<name>` puts public functions together with a paper's own constants.

A formula with one user and no name in the field stands in the module of its paper. Where a function needs torch it is
imported inside, so that all modules load without it.
"""
