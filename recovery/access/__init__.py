"""Who may do what in AWS: documents of IAM, buckets and keys, for components and their review."""
