"""The warm cluster, and what runs in a cluster beside the databases."""
