"""What a guest holds by number, one file a capability. ``base`` has the operations, ``table`` the numbers."""
