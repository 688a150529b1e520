"""Route 53's data plane: answers from the declared records, led by the declared health checks."""
