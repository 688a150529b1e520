"""`pulumi-resource-aws` of the lab: a file a service."""
