"""Ocalls: ``dispatch`` (numbers to handlers), and the handlers, one file a family."""
