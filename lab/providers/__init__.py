"""The lab's two Pulumi providers and what they have in common."""
