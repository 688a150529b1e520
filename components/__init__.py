"""What the stacks are composed of: one Pulumi component a file."""
