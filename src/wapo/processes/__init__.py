"""Several processes as one node: connections handed out, images shared, questions asked. Knows no HTTP and no guest."""
