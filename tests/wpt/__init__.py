"""Runs the web-platform-tests project's ``.any.js`` tests in the runtime (``make wpt``)."""
