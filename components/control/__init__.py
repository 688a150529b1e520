"""What decides and records a failover: control table, public name, bundle, strategy."""
