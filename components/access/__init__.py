"""IAM roles, declared."""
