"""What things cost here, beside what else could have been used: one module a subject, `rows` for `make bench`."""
