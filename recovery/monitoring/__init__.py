"""What is watched, and when people are told: pure data."""
