"""The second wall: what the operating system forbids a process that runs guests, should the first one have a hole."""
