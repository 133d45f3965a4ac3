"""The numerics layer for preference learning.

Torch world (tensors in, tensors out): `logps`, `weights`, `scores`, `losses`. Data world (arrays in, arrays out):
`groups`, `pairs`, `strength`, `selection`, `ranking`, `metrics`, `games`, `ratings`, `conjoint`. Both: `papers`. Import
the module you need: `from prefcore import losses`. Importing `prefcore` itself loads nothing else.
"""

__all__ = ["__version__", "get_num_threads", "set_num_threads"]


def set_num_threads(threads: int) -> None:
    """Set how many threads the Rust core uses in this process.

    Without it: 1 in a forked worker, else `PREFCORE_NUM_THREADS`, else `RAYON_NUM_THREADS`, else the number of CPUs
    that the process may run on, read at first use. Results do not depend on it.

    Args:
        threads: 1 to 1024.
    Raises: DomainError, TypeError.

    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    """
    import prefcore._rust as core
    from prefcore.errors import DomainError

    if type(threads) is not int:
        raise TypeError(f"threads must be an integer, got {threads!r}")
    if not 1 <= threads <= 1024:
        raise DomainError(f"threads must be in 1..1024, got {threads}")
    core.set_num_threads(threads)


def get_num_threads() -> int:
    """Return how many threads the Rust core uses in this process (see `set_num_threads`).

    >>> get_num_threads() >= 1
    True
    """
    import prefcore._rust as core

    return core.num_threads()


def __getattr__(name: str) -> str:
    """Look `__version__` up in the installed metadata when somebody asks: the version lives in Cargo.toml only."""
    if name == "__version__":
        from importlib.metadata import version

        return version("prefcore")
    raise AttributeError(f"module 'prefcore' has no attribute {name!r}")
