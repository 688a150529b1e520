"""The three stacks: foundation, prod, dr."""
