"""What the DR site is made of, as plain text and arithmetic, for the components."""
