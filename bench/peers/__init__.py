"""Other runtimes to measure beside: how they are installed, started with an agent, and asked in turns with us.

``packages`` installs them, ``servers`` starts them, ``rounds`` puts the same questions to all of them in turns.
``agents/`` has what they all run, ``hosts/`` the little programs that make them servers.
"""
