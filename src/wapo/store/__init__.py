"""Durable state: SQLite by default. ``schema`` has the tables and their migrations, ``database`` the connections."""
