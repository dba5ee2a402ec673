"""The commands that a person types. One file a command; ``main`` puts them together."""
