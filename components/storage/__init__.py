"""Buckets, keys and replication of copies."""
