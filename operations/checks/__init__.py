"""What `dr check` looks at: single things that a failover stands on, asked from outside."""
