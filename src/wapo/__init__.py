"""Wapo: a serverless runtime for programs that nobody has to trust.

The rooms, from the top floor down, are listed in ``docs/architecture.md``; a room imports only from rooms below it.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
