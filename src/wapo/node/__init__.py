"""The worker: which programs there are, who may run, how many, for how long; their logs, secrets, metrics.

``limits`` -> ``admission`` -> ``logs`` -> ``vaults`` -> ``node`` (the one object that the gateway and the CLI talk to).
"""
